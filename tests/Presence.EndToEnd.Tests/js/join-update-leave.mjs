// Two people on different nodes see each other join, change and leave, each within 250 ms.
import { answer, assert, assertEqual, enter, median, scenario, signIn, until } from "./client.mjs";

const ROUNDS = 5;

scenario(async (first, third) => {
  const stay = await enter(await signIn(first, "stay"), "room:lobby", { meta: { mood: "calm" } });
  const times = { join: [], update: [], leave: [], killed: [] };
  for (let round = 0; round < ROUNDS; round++) {
    await once(round, stay, third, times);
  }

  // The first round includes just-in-time compilation and is not measured.
  const medians = Object.fromEntries(Object.entries(times).map(([what, all]) => [what, Math.round(median(all))]));
  for (const [what, took] of Object.entries(medians)) assert(took <= 250, `${what} within 250 ms (took ${took} ms)`);
  return medians;
});

async function once(round, stay, base, times) {
  const key = `guest-${round}`;
  const client = await signIn(base, key);
  const joined = until(`stay sees ${key} join`, () => stay.has(key));
  const guest = await enter(client, "room:lobby", { meta: { mood: "curious" } });
  times.join.push(await joined);
  await until("the guest sees stay, who came first", () => guest.has("stay"));
  assertEqual(guest.keys(), [key, "stay"], "the guest sees both");
  const [before] = stay.metas(key);
  assertEqual(before.mood, "curious", "the metadata of the join");
  assert(Number.isInteger(before.online_at), "online_at in milliseconds");

  const diffs = stay.diffs.length;
  const updated = until(`stay sees the update of ${key}`, () => stay.metas(key)[0]?.mood === "happy");
  await answer(guest.channel.push("update", { meta: { mood: "happy" } }));
  times.update.push(await updated);
  checkUpdate(stay, diffs, key, before);

  const left = until(`stay sees ${key} leave`, () => !stay.has(key));
  guest.channel.leave();
  times.leave.push(await left);
  client.socket.disconnect();

  const again = await signIn(base, `${key}-killed`);
  await enter(again, "room:lobby");
  await until(`stay sees ${key}-killed join`, () => stay.has(`${key}-killed`));
  const gone = until(`stay sees ${key}-killed leave`, () => !stay.has(`${key}-killed`));
  again.socket.disconnect = () => {};
  again.socket.reconnectTimer.scheduleTimeout = () => {};
  again.raw.terminate();
  times.killed.push(await gone);
}

function checkUpdate(room, from, key, before) {
  const diffs = room.diffs.slice(from).filter((diff) => Object.hasOwn(diff.joins, key) || Object.hasOwn(diff.leaves, key));
  assertEqual(diffs.length, 1, `diffs of one update: ${JSON.stringify(diffs)}`);
  const [join] = diffs[0].joins[key].metas;
  const [leave] = diffs[0].leaves[key].metas;
  assertEqual(leave.phx_ref, before.phx_ref, "the leave names the version that was shown");
  assertEqual(join.phx_ref_prev, before.phx_ref, "phx_ref_prev of the join");
  assert(join.phx_ref !== before.phx_ref, "a new phx_ref");
  assertEqual(join.online_at, before.online_at, "an update replaces only the fields it names");
  assertEqual(room.metas(key).length, 1, "one device after the update");
}
