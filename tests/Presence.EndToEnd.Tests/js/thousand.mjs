// A thousand people join one room through all nodes; everybody ends with the same thousand keys.
import { assertEqual, enter, now, scenario, signIn, until } from "./client.mjs";

const PEOPLE = 1000;
const AT_ONCE = 50;

scenario(async (...bases) => {
  const expected = Array.from({ length: PEOPLE }, (_, i) => `p${String(i).padStart(4, "0")}`);
  const rooms = [];
  const begun = now();
  const queue = expected.entries();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const [i, key] of queue) {
        const client = await signIn(bases[i % bases.length], key);
        rooms.push(await enter(client, "room:thousand", { meta: { i } }, { diary: false }));
      }
    }),
  );
  const joined = now() - begun;
  for (const room of rooms) {
    await until("a client sees everybody", () => Object.keys(room.presence.state).length === PEOPLE, 60_000);
  }
  const complete = now() - begun;
  const text = JSON.stringify(expected);
  for (const room of rooms) assertEqual(JSON.stringify(room.keys()), text, "the keys of one client");
  return { joined: Math.round(joined), complete: Math.round(complete) };
});
