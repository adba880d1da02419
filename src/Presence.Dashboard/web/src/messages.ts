/** Messages of the server, as documented in the HTTP and wire-protocol references. */

export interface Node {
  name: string;
  status: "up" | "draining" | "down";
  self: boolean;
  entries: number;
  version: string | null;
}

export interface Pair {
  from: string;
  to: string;
  status: "up" | "down";
  lag_ms: number;
  silent_ms: number;
  entries: number;
}

export interface Happening {
  at: number;
  node: string;
  what: string;
  detail: string;
}

export interface Sessions {
  attached: number;
  detached: number;
  held_leaves: number;
  /** Joins that asked to resume since the node started, by outcome. */
  resumes: Record<string, number>;
}

/** What a node counts: rates a second over the last ten seconds; dropped frames and slow consumers since its start. */
export interface Numbers {
  started_at: number;
  memory_bytes: number;
  sockets: number;
  channels: number;
  joins: number;
  updates: number;
  leaves: number;
  messages: number;
  dropped: number;
  slow_consumers: number;
  merge_p50_ms: number;
  merge_p99_ms: number;
  /** From the arrival of a client's message until it was handled. */
  handling_p50_ms: number;
  handling_p99_ms: number;
  /** Of a frame that waited for its client, and was written. */
  sending_p50_ms: number;
  sending_p99_ms: number;
  /** Of the node's replication lag in the last ten minutes. */
  lag_p50_ms: number;
  lag_p99_ms: number;
}

/** Somebody or something that did not keep up. */
export interface SlowConsumer {
  kind: "socket" | "handler" | "subscriber" | "reader";
  name: string;
  detail: string;
  at: number;
  times: number;
}

export interface UniqueProcess {
  name: string;
  node: string | null;
  since: string | null;
  epoch: number | null;
  standbys: string[];
}

export interface Topic {
  topic: string;
  count: number;
  keys: number;
}

export interface History {
  /** Seconds between two points; points that are further apart have nothing between them. */
  step: number;
  points: {
    at: number;
    entries: number;
    joins: number;
    leaves: number;
    messages: number;
    lag_ms: number;
    memory_bytes: number;
    sockets: number;
  }[];
}

export interface Cluster {
  node: string;
  state: string;
  transport: { name: string; state: "connected" | "disconnected"; since: string | null; last_error: string | null };
  version: string;
  entries: number;
  lag_ms: number;
  nodes: Node[];
  pairs: Pair[];
  node_sessions: Record<string, Sessions>;
  node_numbers: Record<string, Numbers>;
  node_slow: Record<string, SlowConsumer[]>;
  processes: UniqueProcess[] | null;
  events: Happening[];
  at: number;
}

export interface Presences {
  presences: { key: string; metas: Record<string, unknown>[]; nodes: string[]; detached: boolean[] }[];
  next: string | null;
}
