// A client that never reads is disconnected; no other client waits for it.
import { answer, enter, scenario, signIn, until } from "./client.mjs";

const MESSAGES = 4000;
const FILLING = "x".repeat(8 << 10);

scenario(async (first, third) => {
  const talker = await enter(await signIn(first, "talker"), "room:deaf");
  const near = await enter(await signIn(first, "near"), "room:deaf");
  const far = await enter(await signIn(third, "far"), "room:deaf");
  const client = await signIn(first, "deaf");
  await enter(client, "room:deaf");
  await until("all see the deaf one", () => [talker, near, far].every((room) => room.has("deaf")));

  // Fills the buffers of the kernel, then the send queue of the node.
  client.raw.pause();
  let sent = 0;
  while (sent < MESSAGES && talker.has("deaf")) {
    await answer(talker.channel.push("message", { n: ++sent, filling: FILLING }));
  }

  await until("the deaf one is cut off", () => [talker, near, far].every((room) => !room.has("deaf")), 30_000);
  await until("the others got every message", () => [near, far].every((room) => room.messages.length === sent));
  client.raw.terminate();
  return { messages: sent };
});
