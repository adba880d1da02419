// A channel with its presences, a second account of them from the callbacks alone, and ways to compare states. Runs in a browser too.
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

/** With references and all; the order of keys and metas is each client's own. */
export function exact(state) {
  return JSON.stringify(Object.keys(state).sort().map((key) => [
    key,
    [...state[key].metas].sort((a, b) => (a.phx_ref < b.phx_ref ? -1 : 1)).map((meta) => ({ ...meta, phx_ref_prev: undefined })),
  ]));
}
