// The stock phoenix client under Node.js, and waiting for what it sees.
import { Presence, Socket } from "phoenix";
import WebSocket from "ws";

const PATIENCE = 15_000;

/** Conditions that are looked at again whenever any client has seen anything, and now and then for what tells nobody. */
const waiting = new Set();

export const now = () => performance.now();

/** Resolves with the milliseconds until `condition` held; fails, naming `what`, when it does not in time. */
export function until(what, condition, patience = PATIENCE) {
  const begun = now();
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!condition()) return;
      clearTimeout(timer);
      clearInterval(glance);
      waiting.delete(look);
      resolve(now() - begun);
    };
    const glance = setInterval(look, 25);
    const timer = setTimeout(() => {
      clearInterval(glance);
      waiting.delete(look);
      reject(new Error(`did not happen within ${patience} ms: ${what}`));
    }, patience);
    waiting.add(look);
    look();
  });
}

export function seen() {
  for (const look of [...waiting]) look();
}

export function assert(holds, what) {
  if (!holds) throw new Error(`does not hold: ${what}`);
}

export function assertEqual(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

export function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

export async function token(base, userId) {
  const response = await fetch(`${base}/token?user_id=${encodeURIComponent(userId)}`);
  if (!response.ok) throw new Error(`/token for '${userId}' answered ${response.status}`);
  return response.text();
}

/** A connected socket. `raw` is the WebSocket beneath, for being rude to it. */
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
    const timer = setTimeout(() => reject(new Error(`${base}${path} did not open`)), PATIENCE);
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

/** A channel with presence and a diary of what the client was told, unless there would be too much to keep. */
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

/** The answer of a push: the response if ok, an error otherwise. */
export function answer(push) {
  return new Promise((resolve, reject) => {
    push
      .receive("ok", resolve)
      .receive("error", (response) => reject(Object.assign(new Error(JSON.stringify(response)), { response })))
      .receive("timeout", () => reject(new Error("no answer")));
  });
}

/** Runs the scenario and ends the process: 0 if it held, 1 with the reason if not. */
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
