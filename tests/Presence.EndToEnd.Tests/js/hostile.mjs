// Hostile clients, a fifth of each kind: they never read, flood, ping, join and leave topics, or post to a long poll that
// they never poll. Who is cut off comes back half a second later.
// Usage: node hostile.mjs SECONDS COUNT ROOMS URL. ROOMS is the number of rooms of well-behaved clients, which some join.
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { setPriority } from "node:os";
import { scenario, token } from "./client.mjs";

// Another address than that of the well-behaved clients.
const FROM = process.platform === "linux" ? { localAddress: "127.0.0.2" } : {};
const RAMP = 30_000;
const PAUSE = 500;
const pause = (time) => new Promise((done) => setTimeout(done, time));

const frame = (head, payload) => {
  const body = Buffer.from(payload);
  const length = body.length < 126 ? [body.length] : body.length < 65536 ? [126, 0, 0] : [127, 0, 0, 0, 0, 0, 0, 0, 0];
  const start = Buffer.from([head, ...length, 0, 0, 0, 0]);
  if (length.length > 1) start.writeUIntBE(body.length, length.length === 3 ? 2 : 4, length.length === 3 ? 2 : 6);
  start[1] |= 0x80;
  return Buffer.concat([start, body]);
};
const text = (...message) => frame(0x81, JSON.stringify(message));
const join = (topic) => text(topic, "1", topic, "phx_join", {});
const PING = frame(0x89, "");
const PART = frame(0x01, "x".repeat(100_000));
const repeat = (count, make) => Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

scenario(async (seconds, count, rooms, base) => {
  // What the attackers themselves need of the processor shall count little.
  setPriority(10);
  const { hostname, port } = new URL(base);
  const agent = new Agent({ keepAlive: true });
  const counts = {};
  const begun = new Set();
  let isOver = false;

  /** Opens a WebSocket; resolves when it is open, and rejects if the node rejects it. */
  const open = (path, reads = true) => new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port, ...FROM });
    socket.ended = new Promise((ended) => socket.on("close", ended));
    socket.on("error", () => {});
    socket.on("close", () => reject(new Error("closed")));
    socket.write(`GET ${path}&vsn=2.0.0 HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    socket.once("data", (answer) => {
      if (!String(answer).startsWith("HTTP/1.1 101")) return socket.destroy();
      if (reads) socket.on("data", () => {});
      else socket.pause();
      resolve(socket);
    });
  });

  /** Sends as fast as the node takes it, until the node has closed. */
  const pour = async (socket, bytes) => {
    while (!socket.destroyed) {
      const drained = new Promise((done) => socket.once("drain", done));
      await (socket.write(bytes) ? new Promise(setImmediate) : Promise.race([drained, socket.ended]));
      counts.written = (counts.written ?? 0) + bytes.length;
    }
  };

  const ask = (method, session, body) => new Promise((resolve, reject) => {
    const headers = session ? { "x-phoenix-longpoll-token": session, "content-type": "application/x-ndjson" } : {};
    const path = "/socket/longpoll?vsn=2.0.0";
    const asked = request({ host: hostname, port, path, method, headers, agent, ...FROM }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part)).on("error", reject);
      answer.on("end", () => (answer.statusCode === 200 ? resolve(JSON.parse(Buffer.concat(parts))) : reject(new Error())));
    });
    asked.on("error", reject).end(body);
  });

  const signed = new Map();
  const asUser = async (number) => {
    if (!signed.has(number)) signed.set(number, await token(base, `hostile-${number}`));
    return `/auth_socket/websocket?token=${encodeURIComponent(signed.get(number))}`;
  };
  const shared = (number) => `room:hostile-${Math.floor(number / 50)}`;
  const large = Buffer.concat([Buffer.from([0, 1, 1, 4, 6]), Buffer.from("12pingbinary"), Buffer.alloc(150_000)]).toString("base64");

  const kinds = {
    async neverReads(number) {
      const socket = await open(await asUser(number), false);
      begun.add(number);
      socket.write(Buffer.concat([join(shared(number)), join(`room:good-${number % rooms}`), PART]));
      while (!socket.destroyed) {
        socket.write(PING);
        await Promise.race([pause(1000), socket.ended]);
      }
    },
    async floods(number) {
      const socket = await open(await asUser(number));
      begun.add(number);
      socket.write(join(shared(number)));
      await pour(socket, repeat(10, () => text(null, "2", shared(number), "message", { x: "x".repeat(1000) })));
    },
    async pings(number) {
      const socket = await open("/socket/websocket?");
      begun.add(number);
      await pour(socket, repeat(100, () => PING));
    },
    async churns(number) {
      const socket = await open(await asUser(number));
      begun.add(number);
      const topic = (i) => `room:hostile-${number}-${i}`;
      await pour(socket, repeat(20, (i) => Buffer.concat([join(topic(i)), text(topic(i), "2", topic(i), "phx_leave", {})])));
    },
    async neverPolls(number) {
      const { token: session } = await ask("GET");
      begun.add(number);
      await ask("POST", session, '["1","1","ping","phx_join",{}]');
      while (!isOver && (await ask("POST", session, large)).status === 200) await pause(250);
    },
  };

  const attack = async (number) => {
    const kind = Object.keys(kinds)[number % 5];
    while (!isOver) {
      counts[kind] = (counts[kind] ?? 0) + 1;
      await kinds[kind](number).catch(() => {});
      await pause(PAUSE);
    }
  };

  for (let number = 0; number < count; number++) attack(number);
  const start = Date.now();
  while (begun.size < count && Date.now() - start < RAMP) await pause(50);
  console.log("joined");
  await pause(seconds * 1000);
  isOver = true;
  return { begun: begun.size, ...counts };
});
