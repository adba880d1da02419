// One broadcast from outside reaches the sample channels on every node.
import { answer, assertEqual, connect, scenario, seen, signIn, until } from "./client.mjs";

scenario(async (password, ...bases) => {
  const broadcast = async (base, topic, event, payload) => {
    const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
    const body = JSON.stringify({ topic, event, payload });
    const response = await fetch(`${base}/api/broadcast`, { method: "POST", headers: { authorization, "content-type": "application/json" }, body });
    if (!response.ok) throw new Error(`/api/broadcast answered ${response.status}: ${await response.text()}`);
  };
  const listen = async (socket, topic, event) => {
    const channel = socket.channel(topic);
    const heard = [];
    channel.on(event, (payload) => {
      heard.push(payload);
      seen();
    });
    await answer(channel.join());
    return heard;
  };
  const open = await Promise.all(bases.map((base) => connect(base, "/socket")));
  const pings = await Promise.all(open.map(({ socket }) => listen(socket, "ping", "request_ping")));
  const dupes = await Promise.all(open.map(({ socket }) => listen(socket, "dupe", "number")));
  const anns = await Promise.all(bases.map(async (base) => listen((await signIn(base, "ann")).socket, "user:ann", "note")));
  const bob = await listen((await signIn(bases[0], "bob")).socket, "user:bob", "note");

  await broadcast(bases[1], "ping", "request_ping", { why: "test" });
  await until("each node's client is asked", () => pings.every((heard) => heard.length === 1));
  assertEqual(
    pings.map(([heard]) => [heard.why, heard.from_node]),
    bases.map((_, i) => ["test", `node-${i + 1}`]),
    "each hears it from its own node",
  );

  for (const number of [1, 2, 3, 2, 1]) await broadcast(bases[2], "dupe", "number", { number });
  await until("the numbers have come", () => dupes.every((heard) => heard.length === 3));
  for (const heard of dupes) assertEqual(heard, [{ value: 1 }, { value: 2 }, { value: 3 }], "each once, in order");

  await broadcast(bases[0], "user:ann", "note", { text: "hello" });
  await until("all of ann's devices have the note", () => anns.every((heard) => heard.length === 1));
  assertEqual(bob, [], "nobody else has it");
});
