import { Presence } from "phoenix";
import { Connection } from "./connection.js";
import { byKey, personOf } from "./people.js";

/** The `tracked` channel and a room in which people set their status. */
export class Session extends Connection {
  /** @param {string} userId @param {{changed: () => void, happened: (event: string, key: string) => void}} hooks */
  constructor(userId, hooks) {
    super(userId, hooks.changed);
    this.hooks = hooks;
    this.status = "";
    this.prefix = "";
    this.shown = null;
  }

  /** Returns who is online, in key order: key, devices, since (milliseconds, of the oldest device), statuses. */
  people() {
    const people = new Map();
    this.presence?.list((key, { metas }) => people.set(key, personOf(key, metas)));
    this.roomPresence?.list((key, { metas }) => {
      const person = people.get(key);
      if (person) {
        person.statuses = [...new Set(metas.map((meta) => meta.status).filter((s) => typeof s === "string" && s))];
      }
    });
    return [...people.values()].sort(byKey);
  }

  setStatus(status) {
    this.status = status;
    return this.ask(this.room, "update", { meta: { status } });
  }

  /** Requests the people whose names begin with a text, and no others. */
  show(prefix) {
    this.prefix = prefix;
    if (!this.channel.canPush()) return; // The join requests it.
    this.channel.push("presence_view", this.#view());
  }

  join() {
    this.#joinRoom();
    const tracked = this.socket.channel("tracked", () => this.#view());
    // The state of another view says nothing about who came or went. Called before the handler of Presence.
    tracked.on("presence_state", () => {
      const { prefix, shown } = this;
      const join = tracked.joinRef();
      if (shown?.join === join || shown?.prefix !== prefix) this.synced = false;
      this.shown = { join, prefix };
    });
    this.presence = new Presence(tracked);
    // A key comes online with its first device and goes offline with its last one.
    this.presence.onJoin((key, before) => {
      if (this.synced && !before) this.hooks.happened("came online", key);
    });
    this.presence.onLeave((key, after) => {
      if (this.synced && after.metas.length === 0) this.hooks.happened("went offline", key);
    });
    this.presence.onSync(() => this.setLive());
    return tracked;
  }

  #view() {
    return this.prefix ? { view: { prefix: this.prefix } } : {};
  }

  #joinRoom() {
    // Parameters are evaluated at every join, so that a reconnection keeps the status.
    this.room = this.socket.channel("room:lobby", () => ({ meta: this.status ? { status: this.status } : {} }));
    this.roomPresence = new Presence(this.room);
    this.roomPresence.onSync(() => this.changed());
    this.room.join();
  }
}
