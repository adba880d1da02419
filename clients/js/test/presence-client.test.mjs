// Both versions of the stock client against a server that only this file knows: what the package sends and keeps.
import assert from "node:assert/strict";
import { test } from "node:test";
import { jitter, joinPresence, tabStore } from "../dist/index.js";

/** A socket whose channel is driven by the test. */
function fake() {
  const events = new Map();
  const receivers = new Map();
  const push = { receive: (status, callback) => (receivers.set(status, callback), push) };
  let joins = 1;
  const channel = {
    joinParams: null,
    left: false,
    topic: "room:1",
    on: (name, callback) => events.set(name, [...(events.get(name) ?? []), callback]),
    onError: (callback) => events.set("error", [callback]),
    onClose: (callback) => events.set("close", [callback]),
    join: () => push,
    pushes: [],
    push: (name, payload) => (channel.pushes.push([name, payload]), push),
    joinRef: () => `${joins}`,
    leave: () => (channel.left = true),
  };
  return {
    socket: { channel: (_, params) => ((channel.params = params), channel) },
    channel,
    rejoin: () => joins++,
    emit: (name, payload) => (events.get(name) ?? []).forEach((callback) => callback(payload)),
    answer: (status, reply) => receivers.get(status)(reply),
  };
}

test("token of each reply is sent with the next join", () => {
  const { socket, channel, answer } = fake();
  const store = tabStore();
  const room = joinPresence(socket, "room:1", { params: () => ({ name: "ann" }), store });
  assert.deepEqual(channel.params(), { cursor: "", name: "ann" });
  answer("ok", { resume: "t1" });
  assert.equal(room.status, "joined");
  assert.equal(room.resumed, false);
  assert.deepEqual(channel.params(), { cursor: "", name: "ann", resume: "t1" });
  answer("ok", { resume: "t2", resumed: true });
  assert.equal(room.resumed, true);
  assert.deepEqual(channel.params(), { cursor: "", name: "ann", resume: "t2" });
});

test("token is forgotten after a rejection, a leave and a supersession", () => {
  const store = tabStore();
  for (const end of ["rejected", "left", "superseded"]) {
    const { socket, channel, answer, emit } = fake();
    const room = joinPresence(socket, "room:1", { store });
    answer("ok", { resume: "t" });
    if (end === "rejected") answer("error", { reason: "no" });
    else if (end === "left") room.leave();
    else emit("presence_superseded", {});
    assert.equal(store.get("room:1") ?? null, null, end);
    assert.deepEqual(channel.params(), { cursor: "" });
    if (end === "superseded") {
      emit("close");
      assert.equal(room.status, "superseded");
    }
  }
});

test("people are those of the stock client, and listeners hear of each change", () => {
  const { socket, emit } = fake();
  const room = joinPresence(socket, "room:1", { store: tabStore() });
  let calls = 0;
  const end = room.subscribe(() => calls++);
  emit("presence_state", { ann: { metas: [{ phx_ref: "r1", color: "red" }] } });
  assert.deepEqual(room.people, [{ key: "ann", metas: [{ phx_ref: "r1", color: "red" }] }]);
  assert.ok(calls > 0);
  end();
  const before = calls;
  emit("presence_diff", { joins: {}, leaves: { ann: { metas: [{ phx_ref: "r1" }] } } });
  assert.deepEqual(room.people, []);
  assert.equal(calls, before);
});

const meta = (phx_ref) => ({ metas: [{ phx_ref }] });

test("client that comes back sends its cursor, and applies what it has missed to what it has", () => {
  const { socket, channel, answer, emit, rejoin } = fake();
  const room = joinPresence(socket, "room:1", { store: tabStore() });
  const keys = () => room.people.map(({ key }) => key);
  answer("ok", {});
  emit("presence_state", { ann: meta("r1"), bob: meta("r2") });
  assert.deepEqual(channel.params(), { cursor: "" });
  emit("presence_cursor", { cursor: "c1" });
  assert.deepEqual(channel.params(), { cursor: "c1" });
  emit("presence_diff", { joins: { cid: meta("r3") }, leaves: {}, cursor: "c2" });
  assert.deepEqual(channel.params(), { cursor: "c2" });

  rejoin();
  answer("ok", { presence: "resumed" });
  emit("presence_diff", { joins: { dan: meta("r4") }, leaves: { ann: meta("r1") }, cursor: "c3" });
  assert.deepEqual(keys(), ["bob", "cid", "dan"]);
  assert.deepEqual(channel.params(), { cursor: "c3" });

  // The server may send the state all the same.
  rejoin();
  answer("ok", { presence: "resumed" });
  emit("presence_state", { eve: meta("r5") });
  emit("presence_cursor", { cursor: null });
  assert.deepEqual(keys(), ["eve"]);
  assert.deepEqual(channel.params(), { cursor: "" });
});

test("cursor of an earlier state is not sent if the connection breaks before that of the new one", () => {
  const { socket, channel, answer, emit, rejoin } = fake();
  joinPresence(socket, "room:1", { store: tabStore() });
  answer("ok", {});
  emit("presence_state", { ann: meta("r1") });
  emit("presence_cursor", { cursor: "c1" });
  rejoin();
  answer("ok", {});
  emit("presence_state", { ann: meta("r1"), bob: meta("r2") });
  assert.deepEqual(channel.params(), { cursor: "" });
});

test("client waits for the state if the server does not continue", () => {
  const { socket, channel, answer, emit, rejoin } = fake();
  const room = joinPresence(socket, "room:1", { params: { cursor: "mine" }, store: tabStore() });
  answer("ok", {});
  emit("presence_state", { ann: meta("r1") });
  emit("presence_diff", { joins: {}, leaves: {} });
  assert.deepEqual(channel.params(), { cursor: "mine" }, "the application's parameter has priority");
  rejoin();
  answer("ok", {});
  emit("presence_diff", { joins: { bob: meta("r2") }, leaves: {} });
  assert.equal(room.people.length, 1);
  emit("presence_state", { cid: meta("r3") });
  assert.deepEqual(room.people.map(({ key }) => key), ["cid", "bob"]);
});

const numbers = (count, sample) => {
  const message = { count, keys: count - 1, exact: true, at: 1_700_000_000_000 };
  return sample ? { ...message, sample } : message;
};

test("counts replace the members of a large topic until the server sends members again", () => {
  const { socket, answer, emit } = fake();
  const room = joinPresence(socket, "room:1", { store: tabStore() });
  const keys = () => room.people.map(({ key }) => key);
  answer("ok", {});
  emit("presence_state", { ann: meta("r1"), bob: meta("r2") });
  assert.equal(room.counts, null);
  const seen = [];
  room.subscribe(() => seen.push(room.counts && `${room.counts.count}: ${room.counts.sample.map(({ key }) => key)}`));
  emit("presence_mode", { mode: "counts" });
  emit("presence_counts", numbers(12, { ann: meta("r1") }));
  const { sample, ...rest } = room.counts;
  assert.deepEqual(rest, numbers(12));
  assert.deepEqual(sample, [{ key: "ann", metas: [{ phx_ref: "r1" }] }]);
  emit("presence_counts", numbers(13));
  emit("presence_counts", numbers(13, { cid: meta("r3") }));
  assert.deepEqual(seen, ["12: ann", "13: ann", "13: cid"]);
  assert.deepEqual(keys(), ["ann", "bob"]);
  emit("presence_mode", { mode: "members" });
  assert.deepEqual(seen.at(-1), null);
  emit("presence_state", { bob: meta("r2"), cid: meta("r3") });
  assert.equal(room.counts, null);
  assert.deepEqual(keys(), ["bob", "cid"]);
});

test("cursor is not sent after a change of the mode", () => {
  const { socket, channel, answer, emit } = fake();
  joinPresence(socket, "room:1", { store: tabStore() });
  answer("ok", {});
  emit("presence_state", { ann: meta("r1") });
  emit("presence_cursor", { cursor: "c1" });
  emit("presence_mode", { mode: "counts" });
  assert.deepEqual(channel.params(), { cursor: "" });
});

test("counts end with a new join until the server announces them again", () => {
  const { socket, answer, emit, rejoin } = fake();
  const room = joinPresence(socket, "room:1", { store: tabStore() });
  answer("ok", {});
  emit("presence_mode", { mode: "counts" });
  emit("presence_counts", numbers(12, { ann: meta("r1") }));
  emit("error");
  assert.equal(room.counts.count, 12);
  rejoin();
  answer("ok", {});
  assert.equal(room.counts, null);
  emit("presence_mode", { mode: "counts" });
  emit("presence_counts", numbers(14));
  assert.deepEqual([room.counts.count, room.counts.sample], [14, []]);
});

test("page resolves with people and the next key, and rejects with the answer", async () => {
  const { socket, channel, answer } = fake();
  const room = joinPresence(socket, "room:1", { store: tabStore() });
  const first = room.page();
  answer("ok", { presences: { ann: meta("r1"), bob: meta("r2") }, next: "bob" });
  const { people, next } = await first;
  assert.deepEqual(people.map(({ key, metas }) => [key, metas[0].phx_ref]), [["ann", "r1"], ["bob", "r2"]]);
  const last = room.page(next, 5000);
  answer("error", { reason: "limit" });
  await assert.rejects(last, { reason: "limit" });
  const late = room.page("bob");
  answer("timeout");
  await assert.rejects(late, /no answer to 'presence_page'/);
  assert.deepEqual(JSON.parse(JSON.stringify(channel.pushes)), [
    ["presence_page", {}],
    ["presence_page", { after: "bob", limit: 5000 }],
    ["presence_page", { after: "bob" }],
  ]);
});

test("push resolves and rejects with the answer", async () => {
  const { socket, answer } = fake();
  const room = joinPresence(socket, "room:1", { store: tabStore() });
  const good = room.push("message", { text: "hi" });
  answer("ok", { n: 1 });
  assert.deepEqual(await good, { n: 1 });
  const bad = room.push("message");
  answer("error", { reason: "no" });
  await assert.rejects(bad, { reason: "no" });
  const late = room.push("message");
  answer("timeout");
  await assert.rejects(late, /no answer to 'message'/);
});

test("delays are spread and bounded", () => {
  assert.equal(jitter(250, 10_000, () => 0)(1), 50);
  assert.equal(jitter(250, 10_000, () => 1)(1), 250);
  assert.equal(jitter(250, 10_000, () => 1)(4), 2000);
  assert.equal(jitter(250, 10_000, () => 1)(50), 10_000);
});
