// The npm package against a silo: a reload with the token of the tab is seen by nobody; a leave is seen at once.
import { Socket } from "../../../clients/js/node_modules/phoenix/priv/static/phoenix.mjs";
import WebSocket from "ws";
import { joinPresence, jitter, tabStore } from "../../../clients/js/dist/index.js";
import { assert, assertEqual, enter, scenario, signIn, token, until } from "./client.mjs";

scenario(async (one, other) => {
  const onlooker = await enter(await signIn(other, "onlooker"), "room:package");
  const signed = await token(one, "ann");
  const store = tabStore();
  const open = (base) => {
    const socket = new Socket(base.replace(/^http/, "ws") + "/auth_socket", {
      transport: WebSocket,
      params: { token: signed },
      reconnectAfterMs: jitter(),
      rejoinAfterMs: jitter(),
    });
    socket.connect();
    return { socket, room: joinPresence(socket, "room:package", { params: { meta: { color: "red" } }, store }) };
  };

  const first = open(one);
  await until("ann is seen", () => onlooker.has("ann"));
  await until("ann has joined", () => first.room.status === "joined");
  assertEqual(first.room.resumed, false, "the first join");
  const [joins, leaves] = [onlooker.joins.length, onlooker.leaves.length];
  const since = onlooker.metas("ann")[0].online_at;
  first.socket.conn.terminate();
  first.socket.disconnect();

  const second = open(other);
  await until("ann has joined again", () => second.room.status === "joined");
  assert(second.room.resumed, "the second join resumes the first");
  await until("ann sees both", () => second.room.people.length === 2);
  assertEqual(onlooker.joins.length, joins, "joins seen");
  assertEqual(onlooker.leaves.length, leaves, "leaves seen");
  assertEqual(onlooker.metas("ann")[0].online_at, since, "since when ann is online");

  assertEqual(await second.room.push("count"), { count: 2, keys: 2 }, "the answer to a push");
  // A lost connection: only what was missed comes, and nothing at all of those who stayed.
  const seen = [];
  second.room.channel.on("presence_state", () => seen.push("state"));
  second.room.channel.on("presence_diff", ({ joins, leaves }) => seen.push([joins, leaves].map(Object.keys).join("/")));
  second.socket.conn.terminate();
  await until("ann has lost her connection", () => second.room.status === "disconnected");
  const late = await enter(await signIn(one, "late"), "room:package");
  await until("late is seen", () => onlooker.has("late"));
  await until("ann sees three", () => second.room.people.length === 3);
  assertEqual(seen.filter((message) => message !== "/"), ["late/"], "what ann received");
  assertEqual(second.room.reply.presence, "resumed", "the answer to the join");
  assertEqual(joins + 1, onlooker.joins.length, "joins seen");

  second.room.leave();
  await until("ann has left", () => !onlooker.has("ann"));
  assertEqual(onlooker.leaves.length, leaves + 1, "leaves seen");
});
