// Invalid frames affect no other client, and close their own socket only where the protocol requires it.
import { answer, assert, assertEqual, connect, enter, scenario, signIn, token, until } from "./client.mjs";
import WebSocket from "ws";

scenario(async (first, third) => {
  const stay = await enter(await signIn(first, "bystander"), "room:bad");
  const far = await enter(await signIn(third, "far"), "room:bad");
  await until("the bystanders see each other", () => stay.has("far") && far.has("bystander"));

  await rude(first, "invalid JSON", '["1","1","room:bad"');
  await rude(first, "not a frame", '{"a":1}');
  await rude(first, "too few elements", "[null,null]");
  await rude(first, "numbers for names", "[1,2,3,4,5]");
  await rude(first, "deep nesting", `["1","1","room:bad","phx_join",${"[".repeat(5000)}${"]".repeat(5000)}]`);
  await rude(first, "a truncated binary frame", Buffer.from([0, 255, 255, 255, 255, 1, 2, 3]));
  await rude(first, "an unknown binary kind", Buffer.from([9, 1, 1, 1]));
  await rude(first, "invalid UTF-8", Buffer.concat([Buffer.from([0, 1, 1, 2, 1]), Buffer.from([0xff, 0xfe, 0xff, 0xfe, 0xff])]));
  const closed = await rude(first, "an oversized frame", `["1","1","room:bad","message",{"x":"${"x".repeat(8 << 20)}"}]`);
  assert(closed !== null, "an oversized frame closes its socket");

  // A topic that is too long, metadata that is too large or no object: error replies, and the socket stays open.
  const odd = await signIn(first, "odd");
  for (const [what, topic, params] of [
    ["unmatched topic", "nowhere", {}],
    ["a topic of 300 bytes", `room:${"t".repeat(300)}`, {}],
    ["metadata of 100 KiB", "room:bad", { meta: { x: "x".repeat(100 << 10) } }],
    ["metadata that is no object", "room:bad", { meta: [1, 2] }],
  ]) {
    const channel = odd.socket.channel(topic, params);
    const refused = await answer(channel.join()).then(() => null, (error) => error);
    channel.leave();
    assert(refused?.response?.reason, `${what} is refused with a reason (got ${refused})`);
  }

  const room = await enter(odd, "room:bad");
  const unknown = room.channel.push("no_such_event", {});
  const outcome = await Promise.race([
    answer(unknown).then(() => "ok", (error) => error.response ? "error" : "timeout"),
    until("the channel errors", () => room.channel.state === "errored").then(() => "crashed"),
  ]);
  assert(outcome !== "ok", "an unknown event is not ok");
  const crash = await pingSocket(first);

  // Other clients are not affected: the same join, and messages arrive both ways.
  stay.channel.push("message", { n: 1 });
  await until("far gets the message", () => far.messages.some((m) => m.n === 1 && m.user_id === "bystander"));
  assertEqual(stay.synced > 0 && stay.channel.state, "joined", "the bystander's channel");
  assert(stay.leaves.every((leave) => leave.key !== "far"), "far never left for the bystander");
  return { outcome, crash };
});

/** Sends one frame on a separate socket; returns the close code, or null if the socket still answers a heartbeat. */
async function rude(base, what, frame) {
  const signed = encodeURIComponent(await token(base, "rude"));
  const raw = new WebSocket(`${base.replace(/^http/, "ws")}/auth_socket/websocket?token=${signed}&vsn=2.0.0`);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`neither closed nor answered after: ${what}`)), 15_000);
    const done = (outcome) => {
      clearTimeout(timer);
      raw.terminate();
      resolve(outcome);
    };
    raw.on("open", () => {
      raw.send(frame);
      raw.send('[null,"hb","phoenix","heartbeat",{}]');
    });
    raw.on("message", (data) => String(data).includes('"hb"') && done(null));
    raw.on("close", (code) => done(code));
    raw.on("error", () => {});
  });
}

/** The channel for failure tests: a failure ends the channel, never the socket. */
async function pingSocket(base) {
  const client = await connect(base, "/socket");
  const ping = client.socket.channel("ping");
  await answer(ping.join());
  assertEqual(await answer(ping.push("ping", {})), { ping: "pong" }, "ping");
  const crashed = new Promise((resolve) => ping.onError(resolve));
  ping.push("crash", {});
  await crashed;
  assert(client.socket.isConnected(), "the socket outlives the channel");
  await until("the channel rejoins by itself", () => ping.state === "joined");
  client.socket.disconnect();
  return "phx_error";
}
