// A client in a browser that observes joins and leaves of others, and its final state.
import { enter, exact } from "./account.mjs";
import { answer, assert, assertEqual, until } from "./expect.mjs";
import { open, token } from "./stock-client.mjs";

let room;

export async function lookOn(base, userId, topic, meta) {
  const socket = open(base, "/auth_socket", { params: { token: await token(base, userId) } });
  room = enter(socket.channel(topic, { meta }));
  await answer(room.channel.join());
}

/** Its state becomes that of all others, and so does the state built from its callbacks. */
export async function sees(state) {
  await until("the browser sees what all see", () => exact(room.presence.state) === state);
  assertEqual(exact(room.told), state, "the state from the callbacks of the browser");
  assert(room.synced > 0, "onSync was called in the browser");
}
