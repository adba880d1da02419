import { useEffect, useState, useSyncExternalStore } from "react";
import type { Socket } from "phoenix";
import { PresenceChannel, type Person, type PresenceCounts, type PresenceOptions, type Status } from "./index.js";

/**
 * Joins a topic while the component is mounted; null before. The options of the first render count; another socket or
 * topic joins anew. Leaves when the component is unmounted.
 */
export function useChannel<Meta extends object = Record<string, unknown>>(
  socket: Socket | null,
  topic: string,
  options: PresenceOptions = {},
): PresenceChannel<Meta> | null {
  const [channel, setChannel] = useState<PresenceChannel<Meta> | null>(null);
  useEffect(() => {
    if (!socket) return;
    const joined = new PresenceChannel<Meta>(socket, topic, options);
    setChannel(joined);
    return () => {
      setChannel(null);
      joined.leave();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [socket, topic]);
  return channel;
}

const nobody: readonly never[] = [];
const nothing = () => () => {};

/**
 * The users of a channel, its counts while it receives these instead of users, and its status; the component renders
 * again after each change.
 */
export function usePresence<Meta extends object = Record<string, unknown>>(
  channel: PresenceChannel<Meta> | null,
): { people: readonly Person<Meta>[]; counts: PresenceCounts<Meta> | null; status: Status } {
  const subscribe = channel ? (listener: () => void) => channel.subscribe(listener) : nothing;
  const people = useSyncExternalStore(subscribe, () => channel?.people ?? nobody, () => nobody);
  const counts = useSyncExternalStore(subscribe, () => channel?.counts ?? null, () => null);
  const status = useSyncExternalStore(subscribe, () => channel?.status ?? "joining", () => "joining" as const);
  return { people, counts, status };
}
