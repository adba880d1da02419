// A signed token opens a socket on every node; a missing, forged or foreign one opens none.
import { assert, connect, enter, scenario, signIn, token } from "./client.mjs";
import WebSocket from "ws";

scenario(async (...bases) => {
  const signed = await token(bases[0], "ann");
  for (const base of bases) {
    const client = await connect(base, "/auth_socket", () => ({ token: signed }));
    await enter(Object.assign(client, { userId: "ann" }), "room:tokens");
    const modern = await connect(base, "/auth_socket", {}, { authToken: signed });
    await enter(Object.assign(modern, { userId: "ann" }), "tracked");
  }

  // Not the last character: it has bits that mean nothing.
  const changed = `${signed.slice(0, 60)}${signed[60] === "A" ? "B" : "A"}${signed.slice(61)}`;
  for (const bad of ["", "token=", "token=forged", `token=${changed}`, `token=${"x".repeat(10_000)}`]) {
    const opened = await new Promise((resolve) => {
      const raw = new WebSocket(`${bases[0].replace(/^http/, "ws")}/auth_socket/websocket?vsn=2.0.0&${bad}`);
      raw.on("open", () => resolve(true));
      raw.on("error", () => resolve(false));
    });
    assert(!opened, `no socket for '${bad.slice(0, 40)}'`);
  }

  const foreign = await new Promise((resolve) => {
    const url = `${bases[0].replace(/^http/, "ws")}/auth_socket/websocket?vsn=2.0.0&token=${encodeURIComponent(signed)}`;
    const raw = new WebSocket(url, { origin: "https://elsewhere.example" });
    raw.on("open", () => resolve(true));
    raw.on("error", () => resolve(false));
  });
  assert(!foreign, "no socket for a page of another host");
  await signIn(bases[1], "bob");
});
