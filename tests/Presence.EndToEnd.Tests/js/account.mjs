// A channel with its presences, a second copy of them built from the callbacks, and comparisons. Also runs in browsers.
import { Presence } from "phoenix";
import { seen } from "./expect.mjs";

export function enter(channel) {
  const presence = new Presence(channel);
  const room = { channel, presence, told: {}, synced: 0 };
  presence.onJoin((key, _before, { metas }) => {
    const known = (room.told[key] ??= { metas: [] });
    for (const meta of metas) if (!known.metas.some((m) => m.phx_ref === meta.phx_ref)) known.metas.push(meta);
  });
  presence.onLeave((key, _after, { metas }) => {
    const gone = new Set(metas.map((meta) => meta.phx_ref));
    room.told[key].metas = room.told[key].metas.filter((meta) => !gone.has(meta.phx_ref));
    if (room.told[key].metas.length === 0) delete room.told[key];
  });
  presence.onSync(() => {
    room.synced++;
    seen();
  });
  return room;
}

export function canonical(state) {
  return JSON.stringify(Object.keys(state).sort().map((key) => [key, [...state[key]].sort((a, b) => a - b)]));
}

export function summary(state) {
  return canonical(Object.fromEntries(Object.entries(state).map(([key, { metas }]) => [key, metas.map((meta) => meta.n)])));
}

/** With refs, in an order that does not depend on the client. */
export function exact(state) {
  return JSON.stringify(Object.keys(state).sort().map((key) => [
    key,
    [...state[key].metas].sort((a, b) => (a.phx_ref < b.phx_ref ? -1 : 1)).map((meta) => ({ ...meta, phx_ref_prev: undefined })),
  ]));
}
