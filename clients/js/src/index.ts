import { Presence, type Channel, type Socket } from "phoenix";

/** Keeps resume tokens. Each browser tab needs a store of its own. */
export interface TokenStore {
  get(key: string): string | null | undefined;
  set(key: string, token: string): void;
  remove(key: string): void;
}

/** `sessionStorage`, which survives a reload of its tab; memory where there is none. */
export function tabStore(prefix = "presence:"): TokenStore {
  let storage: Storage | undefined;
  try {
    storage = globalThis.sessionStorage;
  } catch {
    // A page that may not store anything throws here.
  }
  if (!storage) {
    const memory = new Map<string, string>();
    return {
      get: (key) => memory.get(key),
      set: (key, token) => memory.set(key, token),
      remove: (key) => memory.delete(key),
    };
  }
  const kept = storage;
  return {
    get: (key) => kept.getItem(prefix + key),
    set(key, token) {
      try {
        kept.setItem(prefix + key, token);
      } catch {
        // Full: the session does not survive a reload, and nothing else is lost.
      }
    },
    remove: (key) => kept.removeItem(prefix + key),
  };
}

/**
 * Delays for `reconnectAfterMs` and `rejoinAfterMs` of a socket, so that the clients of a stopped node do not come back
 * at one moment: random, up to 250 ms at first and up to 10 s later.
 */
export function jitter(first = 250, most = 10_000, random: () => number = Math.random): (tries: number) => number {
  return (tries) => Math.ceil((0.2 + 0.8 * random()) * Math.min(most, first * 2 ** Math.min(tries - 1, 16)));
}

export type Status = "joining" | "joined" | "rejected" | "disconnected" | "superseded" | "closed";

/** A user of the topic with the metadata of each device. */
export interface Person<Meta extends object = Record<string, unknown>> {
  key: string;
  metas: (Meta & { phx_ref: string })[];
}

/** What is known of a large topic instead of its members. */
export interface PresenceCounts<Meta extends object = Record<string, unknown>> {
  /** The number of presences. */
  count: number;
  /** The number of users. */
  keys: number;
  /** Whether the numbers are exact; otherwise they are estimates. */
  exact: boolean;
  /** When it was counted, in milliseconds since 1970. */
  at: number;
  /** Some of the users, with those that this channel tracks. */
  sample: readonly Person<Meta>[];
}

/** Some users of a topic, in the order of their keys. */
export interface PresencePage<Meta extends object = Record<string, unknown>> {
  people: readonly Person<Meta>[];
  /** The `after` of the next page; null if this was the last one. */
  next: string | null;
}

export interface PresenceOptions {
  /** Parameters of the join. A function is called for each join. */
  params?: object | (() => object);
  /** Where the resume token is kept. Default: one `tabStore()` for all. */
  store?: TokenStore;
  /** Name of the token. Default: the topic. */
  storeKey?: string;
}

type Presences<Meta extends object> = Record<string, { metas: Person<Meta>["metas"] }>;
type CountsMessage<Meta extends object> = Omit<PresenceCounts<Meta>, "sample"> & { sample?: Presences<Meta> };

const shared = tabStore();

function peopleOf<Meta extends object>(presences: Presences<Meta>): Person<Meta>[] {
  return Object.entries(presences).map(([key, { metas }]) => ({ key, metas }));
}

/** Joins a topic and keeps its session over reloads, lost connections and restarts of the server. */
export function joinPresence<Meta extends object = Record<string, unknown>>(
  socket: Socket,
  topic: string,
  options: PresenceOptions = {},
): PresenceChannel<Meta> {
  return new PresenceChannel<Meta>(socket, topic, options);
}

export class PresenceChannel<Meta extends object = Record<string, unknown>> {
  /** The channel of the stock client. */
  readonly channel: Channel;
  #people: readonly Person<Meta>[] = [];
  #counts: PresenceCounts<Meta> | null = null;
  #status: Status = "joining";
  #reply: Record<string, unknown> = {};
  #resumed = false;
  #cursor: string | null = null;
  #listeners = new Set<() => void>();

  constructor(socket: Socket, topic: string, { params = {}, store = shared, storeKey = topic }: PresenceOptions = {}) {
    const given = () => (typeof params === "function" ? (params as () => object)() : params);
    this.channel = socket.channel(topic, () => {
      const resume = store.get(storeKey);
      return { cursor: this.#cursor ?? "", ...given(), ...(resume ? { resume } : {}) };
    });
    const presence = new Presence(this.channel);
    const keepCursor = ({ cursor }: { cursor?: string | null }) => {
      this.#cursor = cursor ?? null;
    };
    // A cursor is of the state before it: without the one that follows, the next join gets a state.
    this.channel.on("presence_state", () => keepCursor({}));
    this.channel.on("presence_cursor", keepCursor);
    this.channel.on("presence_diff", keepCursor);
    presence.onSync(() => {
      this.#people = presence.list((key, { metas }) => ({ key, metas }) as Person<Meta>);
      this.#notify();
    });
    this.channel.on("presence_mode", ({ mode }: { mode: string }) => {
      // The server sends a state before it continues with changes of members.
      keepCursor({});
      if (mode !== "members" || !this.#counts) return;
      this.#counts = null;
      this.#notify();
    });
    this.channel.on("presence_counts", ({ count, keys, exact, at, sample }: CountsMessage<Meta>) => {
      this.#counts = { count, keys, exact, at, sample: sample ? peopleOf(sample) : (this.#counts?.sample ?? []) };
      this.#notify();
    });
    this.channel.on("presence_superseded", () => {
      store.remove(storeKey);
      this.#set("superseded");
    });
    this.channel.onError(() => this.#set("disconnected"));
    this.channel.onClose(() => this.#status !== "superseded" && this.#set("closed"));
    this.channel
      .join()
      .receive("ok", (reply: Record<string, unknown>) => {
        this.#reply = reply;
        this.#resumed = reply.resumed === true;
        this.#counts = null;
        // The stock class would wait for a state; what it has is still right, and only what was missed follows.
        if (reply.presence === "resumed") presence.joinRef = this.channel.joinRef();
        if (typeof reply.resume === "string") store.set(storeKey, reply.resume);
        this.#set("joined");
      })
      .receive("error", (reply: Record<string, unknown>) => {
        this.#reply = reply;
        store.remove(storeKey);
        this.#set("rejected");
      });
    this.#forget = () => store.remove(storeKey);
  }

  readonly #forget: () => void;

  /** The users of the topic, in the order of the stock client. The array is a new one after each change. */
  get people(): readonly Person<Meta>[] {
    return this.#people;
  }

  /**
   * The numbers of a large topic, whose members the server does not send; null while it sends members. `people` does
   * not change meanwhile. The object is a new one after each change.
   */
  get counts(): PresenceCounts<Meta> | null {
    return this.#counts;
  }

  get status(): Status {
    return this.#status;
  }

  /** The last answer to a join. */
  get reply(): Readonly<Record<string, unknown>> {
    return this.#reply;
  }

  /** Whether the last join continued an earlier session. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /** Pushes an event; rejects with the server's response, or with an error after the timeout. */
  push<Response = unknown>(event: string, payload: object = {}, timeout?: number): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.channel
        .push(event, payload, timeout)
        .receive("ok", (response: Response) => resolve(response))
        .receive("error", (response: unknown) => reject(response))
        .receive("timeout", () => reject(new Error(`no answer to '${event}' of ${this.channel.topic}`)));
    });
  }

  /** Asks for users after a key, at most 1000 of them; rejects as a push does. */
  async page(after?: string | null, limit?: number): Promise<PresencePage<Meta>> {
    type Page = { presences: Presences<Meta>; next: string | null };
    const { presences, next } = await this.push<Page>("presence_page", { after, limit });
    return { people: peopleOf(presences), next };
  }

  /** Calls a function after each change of people, counts or status; returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Leaves the topic: the presences end at once, and the token is forgotten. */
  leave(): void {
    this.#forget();
    this.channel.leave();
  }

  #set(status: Status): void {
    this.#status = status;
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
