// Ten thousand random joins, updates, leaves and drops across all nodes, from one seed. At the end every client has the
// state of the history, and so has the state built from onJoin and onLeave. With a browser ("" for none) one client is
// a page.
import { Socket } from "phoenix";
import WebSocket from "ws";
import { canonical, enter, exact, summary } from "./account.mjs";
import { answer, assert, assertEqual, now, scenario, seen, token, until } from "./client.mjs";
import { launch, openPage } from "./page.mjs";

const DEVICES = 45;
const USERS = 15;
const ONLOOKER = "onlooker";
const tokens = new Map();

scenario(async (seed, operations, executable, ...bases) => {
  const topic = `room:run-${seed}`;
  const plan = history(Number(seed), Number(operations));
  const watchers = await Promise.all(bases.map((base, i) => device(base, `watcher-${i}`, topic)));
  for (const watcher of watchers) await watcher.join(-1);
  const browser = executable ? await launch(executable) : null;
  const page = browser ? await openPage(browser, bases[0]) : null;
  await page?.evaluate(async ([base, userId, room]) =>
    (await import("/scenario/onlooker.mjs")).lookOn(base, userId, room, { n: -1 }), [bases[0], ONLOOKER, topic]);
  const begun = now();
  const devices = await Promise.all(plan.map(async (steps, i) => {
    const one = await device(bases[i % bases.length], `user-${i % USERS}`, topic);
    for (const [what, n] of steps) await one[what](n);
    return one;
  }));
  const ran = now() - begun;
  const everybody = [...watchers, ...devices].filter((one) => one.room);
  const expected = canonical(expectedState(plan, [...watchers.map((one) => one.userId), ...(browser ? [ONLOOKER] : [])]));
  // A dropped client looks the same before and after: the refs show whether all clients have rejoined.
  const isSettled = () => {
    const state = exact(everybody[0].room.presence.state);
    return everybody.every(({ room }) => summary(room.presence.state) === expected && exact(room.presence.state) === state);
  };
  await until(`seed ${seed}: all have the state of the history`, isSettled).catch((error) => {
    const wrong = everybody.find(({ room }) => summary(room.presence.state) !== expected);
    const got = wrong ? `${wrong.userId} sees ${summary(wrong.room.presence.state)}` : "only the references differ";
    throw new Error(`${error.message}\nexpected ${expected}\n${got}`);
  });
  const settled = now() - begun;
  const state = exact(everybody[0].room.presence.state);
  for (const one of everybody) {
    assertEqual(exact(one.room.told), state, `seed ${seed}: what ${one.userId} was told adds up`);
    assert(one.room.synced > 0, "onSync was called");
  }
  await page?.evaluate(async (seen) => (await import("/scenario/onlooker.mjs")).sees(seen), state);
  await browser?.close();
  return { operations: Number(operations), clients: everybody.length, ran: Math.round(ran), settled: Math.round(settled) };
});

/** The operations of each device, in order. A device that has left can only join. */
function history(seed, operations) {
  const random = mulberry32(seed);
  const plan = Array.from({ length: DEVICES }, () => []);
  const isIn = new Array(DEVICES).fill(false);
  for (let n = 0; n < operations; n++) {
    const i = Math.floor(random() * DEVICES);
    const draw = random();
    const what = !isIn[i] ? "join" : draw < 0.5 ? "update" : draw < 0.75 ? "leave" : "drop";
    if (what === "join" || what === "leave") isIn[i] = !isIn[i];
    plan[i].push([what, n]);
  }
  return plan;
}

/** The devices that are joined at the end, with the number of their last join or update. */
function expectedState(plan, watchers) {
  const state = {};
  for (const watcher of watchers) state[watcher] = [-1];
  plan.forEach((steps, i) => {
    const last = steps.findLast(([what]) => what !== "drop");
    if (last && last[0] !== "leave") (state[`user-${i % USERS}`] ??= []).push(last[1]);
  });
  return state;
}

async function device(base, userId, topic) {
  const signed = await signedToken(base, userId);
  let raw;
  class Transport extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      raw = this;
    }
  }
  const socket = new Socket(`${base.replace(/^http/, "ws")}/auth_socket`, { transport: Transport, params: { token: signed } });
  socket.onOpen(seen);
  socket.connect();
  await until(`${userId} is connected`, () => socket.isConnected());
  const one = { userId, room: null };
  let meta;
  one.join = async (n) => {
    meta = { n };
    one.room = enter(socket.channel(topic, () => ({ meta })));
    await answer(one.room.channel.join());
  };
  one.update = async (n) => {
    meta = { n };
    await answer(one.room.channel.push("update", { meta }));
  };
  one.leave = async () => {
    const { channel } = one.room;
    one.room = null;
    await answer(channel.leave());
  };
  one.drop = async () => {
    const joinRef = one.room.channel.joinRef();
    raw.terminate();
    await until(`${userId} is back`, () => one.room.channel.state === "joined" && one.room.channel.joinRef() !== joinRef);
  };
  return one;
}

function signedToken(base, userId) {
  if (!tokens.has(userId)) tokens.set(userId, token(base, userId));
  return tokens.get(userId);
}

function mulberry32(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
