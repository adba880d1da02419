// The stock phoenix client under Node.js, and waits for its state.
import { Presence, Socket } from "phoenix";
import WebSocket from "ws";
import { TIMEOUT, answer, seen, until } from "./expect.mjs";

export { answer, assert, assertEqual, median, now, seen, until } from "./expect.mjs";

export async function token(base, userId) {
  const response = await fetch(`${base}/token?user_id=${encodeURIComponent(userId)}`);
  if (!response.ok) throw new Error(`/token for '${userId}' answered ${response.status}`);
  return response.text();
}

/** A connected socket. `raw` is its WebSocket, for fault tests. */
export async function connect(base, path, params = {}, options = {}) {
  const client = { base };
  class Transport extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      client.raw = this;
    }
  }
  const socket = new Socket(base.replace(/^http/, "ws") + path, { transport: Transport, params, ...options });
  client.socket = socket;
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${base}${path} did not open`)), TIMEOUT);
    socket.onOpen(() => {
      clearTimeout(timer);
      resolve();
      seen();
    });
    socket.onClose(seen);
    socket.onError((error) => {
      client.error = error;
      seen();
    });
    socket.connect();
  });
  return client;
}

export async function signIn(base, userId) {
  const signed = await token(base, userId);
  const client = await connect(base, "/auth_socket", () => ({ token: signed }));
  return Object.assign(client, { userId });
}

/** A channel with presence and a log of the messages, unless the log would be too large. */
export async function enter(client, topic, params = {}, { diary = true } = {}) {
  const channel = client.socket.channel(topic, params);
  const presence = new Presence(channel);
  const room = { channel, presence, diffs: [], joins: [], leaves: [], messages: [], synced: 0 };
  if (diary) {
    channel.on("presence_diff", (diff) => room.diffs.push(diff));
    presence.onJoin((key, before, meta) => room.joins.push({ key, before, meta }));
    presence.onLeave((key, after, meta) => room.leaves.push({ key, after, meta }));
  }
  channel.on("message", (message) => {
    room.messages.push(message);
    seen();
  });
  presence.onSync(() => {
    room.synced++;
    seen();
  });
  room.keys = () => Object.keys(presence.state).sort();
  room.has = (key) => Object.hasOwn(presence.state, key);
  room.metas = (key) => presence.state[key]?.metas ?? [];
  room.reply = await answer(channel.join());
  await until(`presence_state of ${topic} at ${client.userId}`, () => room.synced > 0);
  return room;
}

/** Runs the scenario and ends the process: 0 on success, 1 with the reason on failure. */
export async function scenario(run) {
  const bases = process.argv.slice(2);
  try {
    const facts = await run(...bases);
    console.log(JSON.stringify(facts ?? {}));
    process.exit(0);
  } catch (error) {
    console.error(error.stack ?? String(error));
    process.exit(1);
  }
}
