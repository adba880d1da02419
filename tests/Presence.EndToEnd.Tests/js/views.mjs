// A stock client asks for a part of the presences, and changes it; its Presence class shows just that part.
import { answer, assertEqual, enter, scenario, signIn, until } from "./client.mjs";

const TOPIC = "room:views";

scenario(async (first, third) => {
  const ann = await enter(await signIn(third, "ann"), TOPIC);
  await enter(await signIn(first, "cid"), TOPIC);
  await until("cid is known at the other node", () => ann.has("cid"));
  const zed = await enter(await signIn(third, "zed"), TOPIC, { view: { first: 2 } });
  assertEqual(zed.keys(), ["ann", "cid"], "the first two");

  const bob = await enter(await signIn(first, "bob"), TOPIC);
  await until("bob takes the place of cid", () => zed.keys().join() === "ann,bob");
  bob.channel.leave();
  await until("cid is back in view", () => zed.keys().join() === "ann,cid");
  assertEqual(
    zed.diffs.map(({ joins, leaves, reason }) =>
      `${Object.keys(joins).map((key) => `+${key}`)}${Object.keys(leaves).map((key) => `-${key}`)} ${reason ?? ""}`),
    ["+bob ", "-cid out_of_view", "-bob ", "+cid out_of_view"],
    "the diffs that zed received");

  const refused = await answer(zed.channel.push("presence_view", { view: { first: 0 } })).catch((error) => error);
  assertEqual(String(refused.message ?? refused).includes("first must be 1 to 1000"), true, `the refusal ${refused}`);
  await answer(zed.channel.push("presence_view", { view: { prefix: "z" } }));
  await until("zed sees himself alone", () => zed.keys().join() === "zed");
  await answer(zed.channel.push("presence_view", {}));
  await until("zed sees all", () => zed.keys().join() === "ann,cid,zed");
});
