// The read API shows the changes of clients on another node.
import { answer, assert, assertEqual, enter, scenario, signIn, until } from "./client.mjs";

scenario(async (first, third, password) => {
  const api = async (base, path, init = {}) => {
    const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
    const response = await fetch(base + path, { ...init, headers: { authorization, ...init.headers } });
    return { status: response.status, type: response.headers.get("content-type"), body: await response.json() };
  };
  const topic = "room:read api & more";
  const watcher = await enter(await signIn(third, "watcher"), topic);
  const rooms = [];
  for (const key of ["a", "b", "c", "d", "__proto__"]) {
    rooms.push(await enter(await signIn(first, key), topic, { meta: { colour: key, phx_ref: "forged" } }));
  }
  await until("the watcher sees all", () => watcher.keys().length === 6);

  const t = encodeURIComponent(topic);
  for (const base of [first, third]) {
    assertEqual((await api(base, `/api/topic?topic=${t}`)).body, { topic, count: 6, keys: 6 }, "the counts");
    const all = (await api(base, `/api/presences?topic=${t}`)).body;
    assertEqual(all.presences.map((p) => p.key), ["__proto__", "a", "b", "c", "d", "watcher"], "all in key order");
    assertEqual(all.next, null, "no further page");
    for (const { key, metas } of all.presences) {
      assertEqual(metas.map((m) => m.phx_ref), watcher.metas(key).map((m) => m.phx_ref), `phx_ref of ${key}`);
    }
    const page = (await api(base, `/api/presences?topic=${t}&limit=2&after=a`)).body;
    assertEqual([page.presences.map((p) => p.key), page.next], [["b", "c"], "c"], "a page");
    const one = (await api(base, `/api/presences?topic=${t}&key=b`)).body;
    assertEqual(one.presences.map((p) => [p.key, p.metas[0].colour]), [["b", "b"]], "one key");
    const absent = await api(base, `/api/presences?topic=${t}&key=nobody`);
    assertEqual([absent.status, absent.type], [404, "application/problem+json"], "an absent key");
    assert((await api(base, "/api/key?key=b")).body.topics.includes(topic), "the topics of a key");
    const listed = (await api(base, "/api/topics?limit=1000")).body.topics.find((entry) => entry.topic === topic);
    assertEqual(listed, { topic, count: 6, keys: 6 }, "the list of topics");
  }

  const sent = await api(first, "/api/broadcast", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ topic, event: "message", payload: { from: "the operator" } }),
  });
  assertEqual(sent.status, 200, "the broadcast");
  await until("everybody hears the operator", () =>
    [watcher, ...rooms].every((room) => room.messages.some((message) => message.from === "the operator")));
  assertEqual(await answer(watcher.channel.push("count", {})), { count: 6, keys: 6 }, "the count on the channel");
});
