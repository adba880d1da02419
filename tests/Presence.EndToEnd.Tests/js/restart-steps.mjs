// Before and after a restart of the server; under Node.js and in a browser.
import { answer, assert, seen, until } from "./expect.mjs";
import { entered, open, token } from "./stock-client.mjs";

const here = { closed: 0 };

export async function enter(base, name) {
  const params = { token: await token(base, name) };
  here.socket = open(base, "/auth_socket", { params, reconnectAfterMs: () => 100, rejoinAfterMs: () => 100 });
  here.socket.onClose(() => {
    here.closed++;
    // What is told from here on is of the new connection: the old state alone shows everybody too.
    here.synced = here.room?.synced ?? 0;
    seen();
  });
  await until("the socket is open", () => here.socket.isConnected());
  here.room = await entered(here.socket, "room:restart", { meta: { from: name } });
  here.joinRef = here.room.channel.joinRef();
}

/** The connection broke, and everything is as before. */
export async function cameBack(everybody) {
  const { room, socket } = here;
  await until("the connection broke", () => here.closed > 0, 60_000);
  await until("the socket is open again", () => socket.isConnected(), 60_000);
  await until("the channel has joined again", () => room.channel.state === "joined" && room.channel.joinRef() !== here.joinRef, 60_000);
  await until("everybody is there once", () => room.synced > here.synced
    && Object.keys(room.presence.state).sort().join() === everybody.join()
    && everybody.every((key) => room.metas(key).length === 1), 60_000);
  assert((await answer(room.channel.push("count", {}))).count >= everybody.length, "the channel works");
}
