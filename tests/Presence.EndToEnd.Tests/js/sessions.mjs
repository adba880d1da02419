// Stock clients behind a balancer, and onlookers on a node that stays: nobody may see a leave or a join of a user who
// comes back with its token. When "done" is in room:done, and all are connected again, "control" joins and leaves each
// room: everybody must see that, and nothing else.
import { Presence, Socket } from "phoenix";
import WebSocket from "ws";
import { assert, assertEqual, scenario, token, until } from "./client.mjs";

const AT_ONCE = 25;
const PATIENCE = 40_000;
// Processes of .NET that start one after another, on a machine that has other things to do.
const RESTARTS = 240_000;

/** A client that keeps the token of its last reply, as ten lines of an application would. */
function member(base, signed, topic, params) {
  const seen = { joins: [], leaves: [], frames: 0, replies: [], resumed: 0, superseded: 0 };
  let resume;
  const socket = new Socket(base.replace(/^http/, "ws") + "/auth_socket", {
    transport: WebSocket,
    params: { token: signed },
    reconnectAfterMs: () => 100 + 400 * Math.random(),
    rejoinAfterMs: () => 100 + 400 * Math.random(),
  });
  const channel = socket.channel(topic, () => ({ ...params, resume }));
  channel.on("presence_superseded", () => seen.superseded++);
  const presence = new Presence(channel);
  let settled = false;
  presence.onJoin((key) => settled && seen.joins.push(key));
  presence.onLeave((key) => settled && seen.leaves.push(key));
  channel.on("presence_diff", ({ joins, leaves }) => {
    const keys = [...Object.keys(joins), ...Object.keys(leaves)];
    if (settled && keys.some((key) => key !== "control")) seen.frames++;
  });
  channel.join().receive("ok", (reply) => {
    resume = reply.resume;
    seen.replies.push(reply);
    if (reply.resumed) seen.resumed++;
  });
  socket.connect();
  return { seen, presence, socket, channel, settle: () => (settled = true), keys: () => Object.keys(presence.state) };
}

scenario(async (balancer, quiet, count, roomCount) => {
  const rooms = Array.from({ length: Number(roomCount) }, (_, i) => `room:s${i}`);
  const people = Array.from({ length: Number(count) }, (_, i) => ({ user: `p${i}`, topic: rooms[i % rooms.length] }));
  const members = [];
  const queue = people.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const { user, topic } of queue) {
        members.push({ topic, ...member(balancer, await token(quiet, user), topic, { meta: { user } }) });
      }
    }),
  );
  const onlookers = [];
  for (const [i, topic] of rooms.entries()) {
    onlookers.push({ topic, ...member(quiet, await token(quiet, `onlooker${i}`), topic, {}) });
  }

  const all = [...members, ...onlookers];
  const expected = (topic) => people.filter((person) => person.topic === topic).length + 1;
  for (const one of all) {
    await until("everybody is seen", () => one.keys().length === expected(one.topic), PATIENCE);
  }
  all.forEach((one) => one.settle());
  const done = member(quiet, await token(quiet, "waiter"), "room:done", {});
  console.log("joined");

  await until("the restarts are done", () => done.keys().includes("done"), RESTARTS);
  const absent = () => all.filter(({ socket, channel }) => !socket.isConnected() || channel.state !== "joined");
  await until("all are connected", () => absent().length === 0, PATIENCE).catch((error) => {
    const states = absent().map(({ socket, channel, seen }) =>
      `${channel.topic} is ${channel.state}, socket ${socket.connectionState()}, superseded ${seen.superseded} times`);
    throw new Error(`${error.message}: ${states.join("; ")}`);
  });
  const signed = await token(quiet, "control");
  const controls = rooms.map((topic) => member(quiet, signed, topic, {}));

  // Not before everybody has seen it: a join and a leave in one message would cancel each other.
  await until("control was seen to join", () => all.every(({ seen }) => seen.joins.includes("control")), PATIENCE);
  for (const control of controls) control.channel.leave();

  for (const one of all) {
    await until("control was seen to join and leave", () => one.seen.leaves.includes("control"), PATIENCE);
  }
  for (const one of all) {
    assertEqual(one.seen.joins, ["control"], `the joins that a client of ${one.topic} saw`);
    assertEqual(one.seen.leaves, ["control"], `the leaves that a client of ${one.topic} saw`);
    assertEqual(one.seen.frames, 0, "presence frames about others");
    assertEqual(one.keys().length, expected(one.topic), "the users that a client sees");
  }
  for (const { seen } of onlookers) assertEqual(seen.resumed, 0, "resumes of a client that kept its connection");
  const resumed = members.reduce((sum, { seen }) => sum + seen.resumed, 0);
  const failed = members.flatMap(({ seen }) => seen.replies).filter((reply) => reply.resumed === false).length;
  assertEqual(failed, 0, "resumes that were answered with a new session");
  assert(resumed > 0, "somebody had to resume");
  return { resumed };
});
