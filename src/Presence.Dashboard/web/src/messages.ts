/** What the server says, as the README of the library describes it. */

export interface Stats {
  shoppers: number;
  open_pages: number;
  pages: Record<string, number>;
  items: Record<string, number>;
  other_pages: number;
  other_items: number;
  at: number;
}

export interface History {
  step_ms: number;
  until: number;
  shoppers: number[];
  open_pages: number[];
  pages: Record<string, number[]>;
  items: Record<string, number[]>;
}

export interface Member {
  name: string;
  status: "up" | "draining" | "down";
  self: boolean;
  entries: number;
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

export interface Cluster {
  node: string;
  state: string;
  engine: string;
  link: { state: "connected" | "away"; since: string | null; problem: string | null };
  version: string;
  entries: number;
  lag_ms: number;
  members: Member[];
  pairs: Pair[];
  events: Happening[];
  at: number;
}

export interface Presences {
  presences: { key: string; metas: Record<string, unknown>[]; nodes: string[] }[];
  next: string | null;
}
