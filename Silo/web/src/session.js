import { Presence, Socket } from "phoenix";

/**
 * One signed-in connection to the member that served the page: the socket, the `tracked` channel and a room in which
 * people set their status. Tells `changed` whenever anything that a reader could see has changed.
 */
export class Session {
  /** @param {string} userId @param {{changed: () => void, happened: (what: string, key: string) => void}} hooks */
  constructor(userId, hooks) {
    this.userId = userId;
    this.hooks = hooks;
    this.state = "connecting";
    this.liveSince = null;
    this.problem = null;
    this.token = null;
    this.synced = false;
    this.status = "";
  }

  async open() {
    await this.#renewToken();
    this.socket = new Socket("/auth_socket", { params: () => ({ token: this.token }) });
    this.socket.onOpen(() => this.#become("joining"));
    this.socket.onClose(() => this.#lost());
    this.#joinTracked();
    this.#joinRoom();
    this.socket.connect();
  }

  /** Who is online, in key order: key, devices, since (milliseconds, of the oldest device), statuses. */
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
        .receive("error", (response) => reject(new Error(response?.reason ?? "refused")))
        .receive("timeout", () => reject(new Error("no answer")));
    });
  }

  #joinTracked() {
    this.tracked = this.socket.channel("tracked");
    this.presence = new Presence(this.tracked);
    // A key's first device makes it come online and its last makes it go; what is between is a change of devices.
    this.presence.onJoin((key, before) => {
      if (this.synced && !before) this.hooks.happened("came online", key);
    });
    this.presence.onLeave((key, after) => {
      if (this.synced && after.metas.length === 0) this.hooks.happened("went offline", key);
    });
    this.presence.onSync(() => {
      this.synced = true;
      this.#become("live");
    });
    this.tracked.onError(() => this.socket.isConnected() && this.#become("joining"));
    this.tracked.onClose(() => this.#become("refused", "The member closed the channel."));
    this.tracked
      .join()
      .receive("error", (response) => this.#become("refused", response?.reason ?? "The member refused the join."))
      .receive("timeout", () => this.#become("joining", "The member is slow to answer."));
  }

  #joinRoom() {
    // Parameters are asked for at every join, so that the status survives a reconnection.
    this.room = this.socket.channel("room:lobby", () => ({ meta: this.status ? { status: this.status } : {} }));
    this.roomPresence = new Presence(this.room);
    this.roomPresence.onSync(() => this.hooks.changed());
    this.room.join();
  }

  #lost() {
    this.#become("lost");
    // A member that restarted may not know the token any more; the next attempt should carry a fresh one.
    this.#renewToken().catch(() => {});
  }

  async #renewToken() {
    const response = await fetch(`/token?user_id=${encodeURIComponent(this.userId)}`, { cache: "no-store" });
    if (!response.ok) throw new Error(`No token: the member answered ${response.status}.`);
    this.token = await response.text();
  }

  #become(state, problem = null) {
    if (this.state === "live" && state !== "live") this.lastLive = Date.now();
    if (state === "live") this.lastLive = null;
    this.state = state;
    this.problem = problem;
    this.hooks.changed();
  }
}
