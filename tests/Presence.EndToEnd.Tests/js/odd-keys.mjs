// Unusual keys: names of JavaScript members, emoji, quotes, 200 bytes.
import { assertEqual, enter, scenario, signIn, until } from "./client.mjs";

const KEYS = ["__proto__", "constructor", "toString", "👩‍👩‍👧‍👦 zoë", "日本", 'a"b\\c/<script>', "0", "-1", " ", "k".repeat(200), "é".repeat(100)];

scenario(async (first, third) => {
  const rooms = [];
  for (const [i, key] of KEYS.entries()) {
    const client = await signIn(i % 2 === 0 ? first : third, key);
    rooms.push(await enter(client, "room:odd", { meta: { __proto__: null, key } }));
  }

  const expected = [...KEYS].sort();
  for (const [i, room] of rooms.entries()) {
    await until(`'${KEYS[i]}' sees all`, () => room.keys().length === KEYS.length);
    assertEqual(room.keys(), expected, `keys at '${KEYS[i]}'`);
    for (const key of KEYS) assertEqual(room.metas(key)[0].key, key, `metadata of '${key}'`);
  }

  rooms[0].channel.leave();
  await until("__proto__ has left everywhere", () => rooms.slice(1).every((room) => !room.has("__proto__")));
  assertEqual(rooms[1].keys(), expected.filter((key) => key !== "__proto__"), "the others stay");
});
