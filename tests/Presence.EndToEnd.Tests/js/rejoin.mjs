// A connection that breaks comes back by itself, and its state with it; several devices of one key are counted.
import { assertEqual, enter, scenario, signIn, until } from "./client.mjs";

scenario(async (first, third) => {
  const ann = await signIn(first, "ann");
  const bob = await signIn(third, "bob");
  const bobsPhone = await signIn(first, "bob");
  const atAnn = await enter(ann, "room:rejoin");
  const atBob = await enter(bob, "room:rejoin", { meta: { from: "desk" } });
  const atPhone = await enter(bobsPhone, "room:rejoin", { meta: { from: "phone" } });
  await until("ann sees two devices of bob", () => atAnn.metas("bob").length === 2);

  const synced = atBob.synced;
  const [desk] = atAnn.metas("bob").filter((meta) => meta.from === "desk");
  bob.raw.terminate();
  await until("ann sees the old device go", () => !atAnn.metas("bob").some((m) => m.phx_ref === desk.phx_ref));
  await until("bob is back with his state", () => atBob.synced > synced && atBob.metas("bob").length === 2);
  await until("ann sees bob's device again", () => atAnn.metas("bob").length === 2);
  assertEqual(atBob.keys(), ["ann", "bob"], "the state after the rejoin");

  atPhone.channel.leave();
  await until("ann sees one device of bob", () => atAnn.metas("bob").length === 1);
  assertEqual(atAnn.metas("bob")[0].from, "desk", "the device that stayed");
  assertEqual(atAnn.leaves.at(-1).after.metas.length, 1, "bob is told to be still here");
});
