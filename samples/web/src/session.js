import { Presence, Socket } from "phoenix";

// The path below which a proxy serves the host, with a slash at its end.
const BASE = document.documentElement.dataset.base;

const RETRY_RENEWAL_AFTER = 5000;

/**
 * A signed-in connection to the node that served the page: the socket, the `tracked` channel and a room in which people
 * set their status. Calls `changed` after every visible change.
 */
export class Session {
  /** @param {string} userId @param {{changed: () => void, happened: (event: string, key: string) => void}} hooks */
  constructor(userId, hooks) {
    this.userId = userId;
    this.hooks = hooks;
    this.state = "connecting";
    this.liveSince = null;
    this.problem = null;
    this.token = null;
    this.synced = false;
    this.status = "";
    this.prefix = "";
    this.shown = null;
  }

  async open() {
    await this.#renewToken();
    this.socket = new Socket(BASE + "auth_socket", { params: () => ({ token: this.token }) });
    this.socket.onOpen(() => this.#setState("joining"));
    this.socket.onClose(() => this.#disconnected());
    this.#joinTracked();
    this.#joinRoom();
    this.socket.connect();
  }

  /** Returns who is online, in key order: key, devices, since (milliseconds, of the oldest device), statuses. */
  people() {
    const people = new Map();
    this.presence?.list((key, { metas }) => {
      const since = metas.map((meta) => meta.online_at).filter(Number.isFinite);
      people.set(key, {
        key,
        devices: metas.length,
        since: since.length > 0 ? Math.min(...since) : null,
        statuses: [],
      });
    });
    this.roomPresence?.list((key, { metas }) => {
      const person = people.get(key);
      if (person) {
        person.statuses = [...new Set(metas.map((meta) => meta.status).filter((s) => typeof s === "string" && s))];
      }
    });
    return [...people.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }

  setStatus(status) {
    this.status = status;
    return new Promise((resolve, reject) => {
      this.room
        .push("update", { meta: { status } })
        .receive("ok", resolve)
        .receive("error", (response) => reject(new Error(response?.reason ?? "rejected")))
        .receive("timeout", () => reject(new Error("no answer")));
    });
  }

  /** Asks the node for the people whose names begin with a text, and for no others. */
  show(prefix) {
    this.prefix = prefix;
    if (!this.tracked.canPush()) return; // The join asks for it.
    this.tracked.push("presence_view", this.#view());
  }

  #view() {
    return this.prefix ? { view: { prefix: this.prefix } } : {};
  }

  #joinTracked() {
    this.tracked = this.socket.channel("tracked", () => this.#view());
    // The state of another view says nothing about who came or went. Called before the handler of Presence.
    this.tracked.on("presence_state", () => {
      const { prefix, shown } = this;
      const join = this.tracked.joinRef();
      if (shown?.join === join || shown?.prefix !== prefix) this.synced = false;
      this.shown = { join, prefix };
    });
    this.presence = new Presence(this.tracked);
    // A key comes online with its first device and goes offline with its last one.
    this.presence.onJoin((key, before) => {
      if (this.synced && !before) this.hooks.happened("came online", key);
    });
    this.presence.onLeave((key, after) => {
      if (this.synced && after.metas.length === 0) this.hooks.happened("went offline", key);
    });
    this.presence.onSync(() => {
      this.synced = true;
      this.#setState("live");
    });
    this.tracked.onError(() => this.socket.isConnected() && this.#setState("joining"));
    this.tracked.onClose(() => this.#setState("rejected", "The node closed the channel."));
    this.tracked
      .join()
      .receive("error", (response) => this.#setState("rejected", response?.reason ?? "The node rejected the join."))
      .receive("timeout", () => this.#setState("joining", "The node has not answered yet."));
  }

  #joinRoom() {
    // Parameters are evaluated at every join, so that a reconnection keeps the status.
    this.room = this.socket.channel("room:lobby", () => ({ meta: this.status ? { status: this.status } : {} }));
    this.roomPresence = new Presence(this.room);
    this.roomPresence.onSync(() => this.hooks.changed());
    this.room.join();
  }

  #disconnected() {
    this.#setState("disconnected");
    // A restarted node may not accept the old token; the next attempt sends a new one.
    this.#renewToken().catch(() => {});
  }

  async #renewToken() {
    const response = await fetch(`${BASE}token?user_id=${encodeURIComponent(this.userId)}`, { cache: "no-store" });
    if (!response.ok) throw new Error(`No token: the node answered ${response.status}.`);
    this.token = await response.text();
    // Long before its end, so that a failed attempt can be repeated.
    this.#renewAfter(Number(response.headers.get("Token-Lifetime")) * 800);
  }

  #renewAfter(time) {
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => this.#renewConnection(), time);
  }

  /** Renews the token of the connection, which is closed when its token ends. */
  async #renewConnection() {
    try {
      await this.#renewToken();
      this.tracked.push("access_token", { access_token: this.token });
    } catch {
      this.#renewAfter(RETRY_RENEWAL_AFTER);
    }
  }

  #setState(state, problem = null) {
    if (this.state === "live" && state !== "live") this.lastLive = Date.now();
    if (state === "live") this.lastLive = null;
    this.state = state;
    this.problem = problem;
    this.hooks.changed();
  }
}
