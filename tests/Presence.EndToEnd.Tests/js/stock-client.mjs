// What the stock client is promised, step by step. The same code runs under Node.js and in a browser.
import { LongPoll, Presence, Socket } from "phoenix";
import { answer, assert, assertEqual, seen, until } from "./expect.mjs";

export const steps = {
  connect,
  refuse,
  joinErrors,
  tooManyChannels,
  pushTimeout,
  rejoinAfterCrash,
  normalEnd,
  binary,
  duplicateJoin,
  leave,
  twoTabs,
  longPollFallback,
  refusedOverLongPoll,
};

/** Runs every step on a fresh topic. The bases are the addresses of nodes; a browser page may only speak to its own. */
export async function runAll(bases, run) {
  const done = [];
  for (const [name, step] of Object.entries(steps)) {
    try {
      const said = await step({ first: bases[0], last: bases.at(-1), topic: `room:${run}-${name}` });
      done.push(said ? `${name} (${said})` : name);
    } catch (error) {
      throw new Error(`${name}: ${error.stack ?? error}`);
    }
  }
  return done;
}

export async function token(base, userId) {
  const response = await fetch(`${base}/token?user_id=${encodeURIComponent(userId)}`);
  assert(response.ok, `/token answers (${response.status})`);
  return response.text();
}

export function open(base, path, options = {}) {
  const socket = new Socket(base.replace(/^http/, "ws") + path, options);
  socket.onOpen(seen);
  socket.onClose(seen);
  socket.onError(seen);
  socket.connect();
  return socket;
}

async function opened(base, path, options) {
  const socket = open(base, path, options);
  await until(`${path} is open`, () => socket.isConnected());
  return socket;
}

async function signedIn(base, userId, options = {}) {
  const params = { token: await token(base, userId) };
  return opened(base, "/auth_socket", { params, ...options });
}

export async function entered(socket, topic, params = {}) {
  const channel = socket.channel(topic, params);
  const presence = new Presence(channel);
  const room = { channel, presence, synced: 0, messages: [] };
  presence.onSync(() => {
    room.synced++;
    seen();
  });
  channel.on("message", (message) => {
    room.messages.push(message);
    seen();
  });
  room.metas = (key) => presence.state[key]?.metas ?? [];
  await answer(channel.join());
  await until(`the state of ${topic}`, () => room.synced > 0);
  return room;
}

async function connect({ first }) {
  const socket = await opened(first, "/socket");
  assertEqual(socket.connectionState(), "open", "the state of the connection");
  const { extensions } = socket.conn;
  socket.disconnect();
  await until("the socket is closed", () => !socket.isConnected());
  const byAuthToken = await opened(first, "/auth_socket", { authToken: await token(first, "ann") });
  byAuthToken.disconnect();
  return extensions;
}

async function refuse({ first }) {
  for (const params of [{}, { token: "nonsense" }]) {
    let errors = 0;
    const socket = new Socket(`${first.replace(/^http/, "ws")}/auth_socket`, { params, reconnectAfterMs: () => 20 });
    socket.onError(() => {
      errors++;
      seen();
    });
    socket.onOpen(() => {
      throw new Error("a socket without a good token is open");
    });
    socket.connect();
    await until("two refusals: the client tries again", () => errors >= 2);
    assert(!socket.isConnected(), "the socket is not open");
    socket.disconnect();
  }
}

async function joinErrors({ first }) {
  const socket = await opened(first, "/socket");
  const signed = await signedIn(first, "ann");
  for (const [on, topic, expected] of [
    [socket, "nowhere", { reason: "unmatched topic" }],
    [socket, "room:1", { reason: "unmatched topic" }],
    [socket, "wild:1:3", {}],
    [socket, "wild:1:2:3", {}],
    [socket, "wild:1:b", { reason: "join crashed" }],
    [signed, "user:bob", { reason: "unauthorized" }],
    [signed, `room:${"t".repeat(300)}`, { reason: "topic too long" }],
  ]) {
    const channel = on.channel(topic);
    const refused = await answer(channel.join()).then(() => "ok", (error) => error.response);
    assertEqual(refused, expected, `the answer to the join of ${topic.slice(0, 20)}`);
    assertEqual(channel.state, "errored", "the state of a channel whose join was refused");
    channel.leave();
  }
  const good = socket.channel("wild:2:4");
  await answer(good.join());
  assertEqual(await answer(good.push("ping", {})), { ping: "pong" }, "refused joins leave the socket as it was");
  socket.disconnect();
  signed.disconnect();
}

async function tooManyChannels({ first }) {
  const socket = await opened(first, "/socket");
  const channels = Array.from({ length: 100 }, (_, i) => socket.channel(`wild:${i}:${2 * i}`));
  await Promise.all(channels.map((channel) => answer(channel.join())));
  const one = socket.channel("wild:100:200");
  const refused = await answer(one.join()).catch((error) => error.response);
  assertEqual(refused, { reason: "too many channels joined" }, "the answer to one join too many");
  one.leave();
  socket.disconnect();
}

async function pushTimeout({ first }) {
  const socket = await opened(first, "/socket");
  const channel = socket.channel("ping");
  await answer(channel.join());
  const outcome = await answer(channel.push("noreply", {}, 100)).then(() => "ok", (error) => error.message);
  assertEqual(outcome, "no answer", "a push that is not answered");
  assertEqual(channel.state, "joined", "the channel goes on");
  assertEqual(await answer(channel.push("ping", {})), { ping: "pong" }, "the next push");
  socket.disconnect();
}

async function rejoinAfterCrash({ first }) {
  const socket = await opened(first, "/socket", { rejoinAfterMs: () => 20 });
  const channel = socket.channel("ping");
  const bystander = socket.channel("wild:2:4");
  await answer(channel.join());
  await answer(bystander.join());
  const joinRef = channel.joinRef();
  let reason;
  channel.onError((error) => {
    reason = error?.reason;
    seen();
  });
  channel.push("crash", {});
  await until("the channel is told that it crashed", () => reason === "channel_crash");
  await until("the channel has joined again by itself", () => channel.state === "joined" && channel.joinRef() !== joinRef);
  assertEqual(await answer(channel.push("ping", {})), { ping: "pong" }, "a push after the rejoin");
  assertEqual(bystander.state, "joined", "a channel beside it");
  socket.disconnect();
}

async function normalEnd({ first }) {
  const socket = await opened(first, "/socket", { rejoinAfterMs: () => 20 });
  const channel = socket.channel("ping");
  await answer(channel.join());
  let closed = false;
  channel.onClose(() => {
    closed = true;
    seen();
  });
  channel.push("stop", {});
  await until("the channel is closed", () => closed);
  assertEqual(channel.state, "closed", "who was closed normally does not rejoin");
  socket.disconnect();
}

async function binary({ first, last, topic }) {
  const open = await opened(first, "/socket");
  const ping = open.channel("ping");
  await answer(ping.join());
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
  const back = await answer(ping.push("binary", bytes.buffer));
  assert(back instanceof ArrayBuffer, "a binary answer is an ArrayBuffer");
  assertEqual([...new Uint8Array(back)], [...bytes], "the bytes of the answer");
  open.disconnect();

  const [a, b] = [await signedIn(first, "ann"), await signedIn(last, "bob")];
  const [ann, bob] = [await entered(a, topic), await entered(b, topic)];
  await until("both are in", () => ann.metas("bob").length === 1 && bob.metas("ann").length === 1);
  await answer(ann.channel.push("message", bytes.buffer));
  await until("both have the bytes", () => ann.messages.length === 1 && bob.messages.length === 1);
  for (const room of [ann, bob]) assertEqual([...new Uint8Array(room.messages[0])], [...bytes], "the bytes of the broadcast");
  a.disconnect();
  b.disconnect();
}

async function duplicateJoin({ first, topic }) {
  const [s, w] = [await signedIn(first, "ann"), await signedIn(first, "watcher")];
  const watcher = await entered(w, topic);
  const one = await entered(s, topic, { meta: { tab: 1 } });
  const two = await entered(s, topic, { meta: { tab: 2 } });
  await until("the first is closed", () => one.channel.state === "closed");
  assertEqual(two.channel.state, "joined", "the second");
  await until("only the second is present", () => watcher.metas("ann").length === 1 && watcher.metas("ann")[0].tab === 2);
  assertEqual((await answer(two.channel.push("count", {}))).count, 2, "presences");
  s.disconnect();
  w.disconnect();
}

async function leave({ first, last, topic }) {
  const [a, b] = [await signedIn(first, "ann"), await signedIn(last, "bob")];
  const [ann, bob] = [await entered(a, topic), await entered(b, topic)];
  await until("bob is there", () => ann.metas("bob").length === 1);
  await answer(bob.channel.leave());
  assertEqual(bob.channel.state, "closed", "a channel that was left");
  await until("bob is gone", () => ann.metas("bob").length === 0);
  await answer(ann.channel.push("message", { n: 1 }));
  await until("ann has the message", () => ann.messages.length === 1);
  assertEqual(bob.messages, [], "who left hears nothing");
  assert(b.isConnected(), "the socket stays");
  a.disconnect();
  b.disconnect();
}

async function twoTabs({ first, last, topic }) {
  const sockets = [await signedIn(first, "watcher"), await signedIn(first, "ann"), await signedIn(last, "ann")];
  const rooms = [];
  for (const socket of sockets) rooms.push(await entered(socket, topic));
  await until("all see two devices of ann", () => rooms.every((room) => room.metas("ann").length === 2));
  const left = [];
  rooms[0].presence.onLeave((key, after) => left.push([key, after.metas.length]));
  sockets[1].disconnect();
  await until("one device is left", () => rooms[0].metas("ann").length === 1 && rooms[2].metas("ann").length === 1);
  assertEqual(left, [["ann", 1]], "one leave, after which ann is still there");
  for (const socket of sockets) socket.disconnect();
}

/** A network in which WebSockets do not work. */
class BrokenWebSocket {
  constructor() {
    this.readyState = 0;
    setTimeout(() => {
      this.readyState = 3;
      this.onerror?.({ type: "error" });
      this.onclose?.({ code: 1006 });
    });
  }

  close() {
    this.readyState = 3;
  }
}

async function longPollFallback({ first, last, topic }) {
  const options = { transport: BrokenWebSocket, longPollFallbackMs: 5000, sessionStorage: noStorage() };
  const [a, b] = [await signedIn(first, "ann", options), await signedIn(last, "bob")];
  assert(a.transport === LongPoll, "the transport is long poll");
  const [ann, bob] = [await entered(a, topic, { meta: { by: "poll" } }), await entered(b, topic)];
  await until("both see both", () => ann.metas("bob").length === 1 && bob.metas("ann").length === 1);
  assertEqual(bob.metas("ann")[0].by, "poll", "join parameters of a polling client");
  await answer(ann.channel.push("update", { meta: { by: "poll, still" } }));
  await until("bob sees the update", () => bob.metas("ann")[0].by === "poll, still");
  await answer(bob.channel.push("message", { n: 1 }));
  await until("ann has the message", () => ann.messages.some((message) => message.n === 1));
  await answer(ann.channel.push("message", new Uint8Array([1, 2, 255]).buffer));
  await until("bob has the bytes", () => bob.messages.some((message) => message instanceof ArrayBuffer));
  await answer(ann.channel.leave());
  await until("bob sees ann leave", () => bob.metas("ann").length === 0);
  a.disconnect();
  b.disconnect();
}

async function refusedOverLongPoll({ first }) {
  let errors = 0;
  const socket = new Socket(`${first}/auth_socket`, { transport: LongPoll, params: { token: "nonsense" } });
  socket.onError(() => {
    errors++;
    seen();
  });
  socket.connect();
  await until("the refusal", () => errors > 0);
  assert(!socket.isConnected(), "the socket is not open");
  socket.disconnect();
}

/** Nothing is remembered from one socket to the next. */
function noStorage() {
  return { getItem: () => null, setItem: () => {} };
}
