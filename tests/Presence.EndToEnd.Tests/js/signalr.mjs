// Stock SignalR clients of two servers: they see each other join, change and leave, also when a server crashes.
// Prints "kill" when the second server is to be killed.
import { HubConnectionBuilder, LogLevel } from "@microsoft/signalr";
import { assertEqual, until } from "./expect.mjs";

const MAX_CRASH = 15_000;
const ROOM = "room:1";
const [first, second] = process.argv.slice(2);

/** A client with the reducer of docs/guides/signalr.md. */
async function enter(url, user) {
  const connection = new HubConnectionBuilder().withUrl(url).configureLogging(LogLevel.Error).build();
  const people = new Map();
  const [came, went] = [[], []];
  connection.on("PresenceState", ({ presences }) => {
    people.clear();
    for (const p of presences) people.set(p.ref, p);
  });
  connection.on("PresenceDiff", ({ changes }) => {
    for (const c of changes) {
      people.delete(c.kind === "updated" ? c.previousRef : c.ref);
      if (c.kind !== "left") people.set(c.ref, c);
      if (c.first) came.push(c.key);
      if (c.last) went.push(`${c.key} ${c.reason}`);
    }
  });
  await connection.start();
  await connection.invoke("Join", ROOM, user);
  await connection.invoke("Watch", ROOM);
  return { connection, people, came, went, keys: () => [...people.values()].map((p) => p.key).sort().join() };
}

const ann = await enter(first, "ann");
const bob = await enter(second, "bob");
await until("ann sees bob", () => ann.keys() === "ann,bob");
await until("bob sees ann", () => bob.keys() === "ann,bob");
await bob.connection.invoke("Set", ROOM, "bob", { busy: true });
await until("ann sees the change", () => [...ann.people.values()].some((p) => p.key === "bob" && p.meta.busy));
const cid = await enter(second, "cid");
await until("ann sees cid", () => ann.came.includes("cid"));
await cid.connection.stop();
await until("ann sees cid leave", () => ann.went.includes("cid sessionEnded"));

console.log("kill");
const milliseconds = await until("ann sees bob leave", () => ann.keys() === "ann", MAX_CRASH);
assertEqual(ann.went.filter((w) => w.startsWith("bob")).join(), "bob nodeDown", "bob left once, with his server");
await ann.connection.invoke("Set", ROOM, "ann", { still: "here" });
await until("ann works", () => [...ann.people.values()].some((p) => p.meta.still === "here"));
await ann.connection.stop();
console.log(JSON.stringify({ milliseconds: Math.round(milliseconds) }));
process.exit(0);
