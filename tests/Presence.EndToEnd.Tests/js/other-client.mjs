// A client that shares no code with phoenix.js: Supabase's realtime-js (2.99, the last with an implementation of its own),
// in both versions of the protocol.
import { RealtimeChannel, RealtimeClient } from "@supabase/realtime-js";
import WebSocket from "ws";
import { assert, assertEqual, enter, scenario, seen, signIn, token, until } from "./client.mjs";

scenario(async (first, third) => {
  const watcher = await enter(await signIn(third, "watcher"), "room:other", { meta: { mood: "calm" } });
  for (const vsn of ["1.0.0", "2.0.0"]) await converse(first, vsn, watcher);
});

async function converse(base, vsn, watcher) {
  const user = `other-${vsn}`;
  const client = new RealtimeClient(`${base.replace(/^http/, "ws")}/auth_socket`, {
    vsn,
    transport: WebSocket,
    params: { apikey: "not asked for", token: await token(base, user) },
  });
  const told = [];
  const channel = join(client, "room:other", told);
  await until(`${user} is told who is there`, () => Object.keys(channel.presenceState()).length === 2);
  assert(channel.presenceState().watcher[0].mood.startsWith("calm"), "metadata as it sees it");
  await until("the stock client sees it", () => watcher.has(user));

  const refused = await push(channel, "no such event", {}).then(() => "ok", (error) => error.message);
  assertEqual(refused, '{"reason":"unknown event"}', "the answer to an event that the channel does not know");
  assertEqual(await push(channel, "count", {}), { count: 2, keys: 2 }, "the answer to a push");
  watcher.channel.push("update", { meta: { mood: `calm with ${user}` } });
  await until("it sees an update", () => channel.presenceState().watcher[0].mood === `calm with ${user}`);
  watcher.channel.push("message", { n: 1 });
  await until("it hears a broadcast", () => told.some((message) => message.n === 1 && message.user_id === "watcher"));
  await channel.unsubscribe();
  await until("the stock client sees it leave", () => !watcher.has(user));
  assert(client.isConnected(), "the connection outlives the channel");
  client.disconnect();
}

/** Its topics begin with "realtime:"; ours do not, so the channel is created directly. */
function join(client, topic, told) {
  const channel = new RealtimeChannel(topic, { config: { presence: { enabled: true } } }, client);
  client.channels.push(channel);
  channel.on("presence", { event: "sync" }, seen);
  channel._on("message", {}, (message) => {
    told.push(message);
    seen();
  });
  channel.subscribe();
  return channel;
}

function push(channel, event, payload) {
  return new Promise((resolve, reject) => {
    channel
      ._push(event, payload)
      .receive("ok", resolve)
      .receive("error", (response) => reject(new Error(JSON.stringify(response))))
      .receive("timeout", () => reject(new Error("no answer")));
  });
}
