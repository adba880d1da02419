// Stopping nodes close their sockets with 1012, without sending leaves.
import { assert, assertEqual, enter, scenario, seen, signIn, until } from "./client.mjs";

const CLIENTS = 30;

scenario(async (...bases) => {
  const rooms = [];
  const codes = [];
  for (let i = 0; i < CLIENTS; i++) {
    const client = await signIn(bases[i % bases.length], `c${i}`);
    client.raw.on("close", (code) => {
      codes.push(code);
      seen();
    });
    rooms.push(await enter(client, "room:drain"));
    client.socket.reconnectTimer.scheduleTimeout = () => {};
  }
  await until("everybody sees everybody", () => rooms.every((room) => room.keys().length === CLIENTS));
  console.log("joined");
  await until("every socket is closed", () => codes.length === CLIENTS, 20_000);
  assertEqual([...new Set(codes)], [1012], "the close codes");
  // A stopped node is one change for the others, for any number of presences.
  for (const room of rooms) {
    const told = room.diffs.filter((diff) => Object.keys(diff.leaves).length > 0).length;
    assert(told < bases.length, `no storm of leaves while all stop (${told} diffs)`);
  }
});
