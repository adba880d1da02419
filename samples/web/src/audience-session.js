import { Presence } from "phoenix";
import { Connection } from "./connection.js";
import { byKey, personOf } from "./people.js";

const PAGE = 50;

/** The channel of an audience: its members, or while it is large counts and some of the members. */
export class Audience extends Connection {
  /** @param {string} userId @param {() => void} changed */
  constructor(userId, changed) {
    super(userId, changed);
    this.mode = "members";
    this.counts = null;
    this.sample = {};
    this.crowd = 0;
    this.#fold();
  }

  /** Returns the members, or those of the sample, in key order. */
  people() {
    return peopleOf(this.mode === "counts" ? this.sample : (this.presence?.state ?? {}));
  }

  /** Makes the audience larger by invented viewers of this page. */
  async setCrowd(size) {
    await this.ask(this.channel, "crowd", { size });
    this.crowd = size;
  }

  /** Reads the next page of the members into `listed`. */
  async readMore() {
    const list = this.listed;
    const { presences, next } = await this.ask(this.channel, "presence_page", { after: list.next, limit: PAGE });
    if (list !== this.listed) return; // It was folded meanwhile.
    list.people.push(...peopleOf(presences));
    list.next = next;
    list.isWhole = next === null;
    list.at = Date.now();
  }

  fold() {
    this.#fold();
    this.changed();
  }

  join() {
    const audience = this.socket.channel("audience:main");
    audience.on("presence_mode", ({ mode }) => {
      this.mode = mode;
      this.#fold();
    });
    audience.on("presence_counts", ({ sample, ...counts }) => {
      this.mode = "counts";
      this.counts = counts;
      // It is absent while it is the same.
      this.sample = sample ?? this.sample;
      this.setLive();
    });
    this.presence = new Presence(audience);
    this.presence.onSync(() => {
      // Not announced after a new join: members are the mode in which a channel begins.
      this.mode = "members";
      this.setLive();
    });
    return audience;
  }

  joined() {
    // The node has ended the crowd with the former channel.
    if (this.crowd > 0) this.setCrowd(this.crowd).catch(() => {});
  }

  #fold() {
    this.listed = { people: [], next: null, isWhole: false, at: null };
  }
}

const peopleOf = (presences) => Object.entries(presences).map(([key, { metas }]) => personOf(key, metas)).sort(byKey);
