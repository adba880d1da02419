// A client in a browser that only looks on while others come and go; and what it has to say in the end.
import { enter, exact } from "./account.mjs";
import { answer, assert, assertEqual, until } from "./expect.mjs";
import { open, token } from "./stock-client.mjs";

let room;

export async function lookOn(base, userId, topic, meta) {
  const socket = open(base, "/auth_socket", { params: { token: await token(base, userId) } });
  room = enter(socket.channel(topic, { meta }));
  await answer(room.channel.join());
}

/** It comes to see what all the others see, and so does the account of what it was told. */
export async function sees(state) {
  await until("the browser sees what all see", () => exact(room.presence.state) === state);
  assertEqual(exact(room.told), state, "what the browser was told adds up");
  assert(room.synced > 0, "onSync was called in the browser");
}
