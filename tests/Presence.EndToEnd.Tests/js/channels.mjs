// The sample channels, as in the contract.
import { answer, assert, assertEqual, connect, enter, scenario, seen, signIn, until } from "./client.mjs";

scenario(async (first, third) => {
  await ping(first);
  await tracked(first, third);
  await room(first, third);
});

async function ping(base) {
  const client = await connect(base, "/socket");
  const channel = client.socket.channel("ping");
  await answer(channel.join());
  assertEqual(await answer(channel.push("ping", {})), { ping: "pong" }, "ping");
  const bytes = new Uint8Array([0, 1, 254, 255]).buffer;
  assertEqual([...new Uint8Array(await answer(channel.push("binary", bytes)))], [0, 1, 254, 255], "the bytes come back");
  const silent = await answer(channel.push("noreply", {}, 300)).catch((error) => error.message);
  assertEqual(silent, "no answer", "noreply");
  let closed = false;
  channel.onClose(() => {
    closed = true;
    seen();
  });
  channel.push("stop", {});
  await until("the channel has ended normally", () => closed);
  assertEqual(channel.state, "closed", "a normal end is not followed by a rejoin");
  client.socket.disconnect();
}

async function tracked(first, third) {
  const before = Date.now();
  const ann = await enter(await signIn(first, "ann"), "tracked");
  const bob = await enter(await signIn(third, "bob"), "tracked");
  await until("both see both", () => [ann, bob].every((room) => room.has("ann") && room.has("bob")));
  const [meta] = bob.metas("ann");
  assertEqual(meta.user_id, "ann", "user_id");
  assert(meta.online_at >= before - 1000 && meta.online_at <= Date.now() + 1000, `online_at in milliseconds: ${meta.online_at}`);
}

async function room(first, third) {
  const ann = await enter(await signIn(first, "ann"), "room:sample", { meta: { a: 1, online_at: 5 } });
  const bob = await enter(await signIn(third, "bob"), "room:sample");
  await until("both see both", () => [ann, bob].every((it) => it.has("ann") && it.has("bob")));
  assertEqual(bob.metas("ann")[0].a, 1, "the join parameter meta");
  await answer(ann.channel.push("update", { meta: { b: 2 } }));
  await until("bob sees the update", () => bob.metas("ann")[0]?.b === 2);
  assertEqual(bob.metas("ann")[0].a, 1, "fields that are not named stay");
  assertEqual(await answer(bob.channel.push("count", {})), { count: 2, keys: 2 }, "count");

  assertEqual(await answer(ann.channel.push("message", { text: "hi", user_id: "forged" })), {}, "the reply to a message");
  await until("all get the message, the sender too", () => [ann, bob].every((it) => it.messages.length === 1));
  assertEqual(bob.messages[0], { text: "hi", user_id: "ann" }, "the message with the sender's name");
  ann.channel.push("message", new Uint8Array([1, 2, 255]).buffer);
  await until("all get the bytes", () => [ann, bob].every((it) => it.messages.length === 2));
  assertEqual([...new Uint8Array(bob.messages[1])], [1, 2, 255], "the bytes");
  for (const wrong of [{}, { meta: 5 }, { meta: [] }, { meta: { x: "x".repeat(100 << 10) } }]) {
    const refused = await answer(ann.channel.push("update", wrong)).then(() => null, (error) => error.response);
    assert(refused?.reason, `an update with ${JSON.stringify(wrong).slice(0, 40)} is refused with a reason`);
  }
  assertEqual(ann.channel.state, "joined", "bad updates cost nothing");
}
