/** Shows people as rows, and the state of the connection. */
import { ago, clock, hue, initials, moment, plural } from "./wording.js";

export const at = (id) => document.getElementById(id);

/** Writes only what differs, so that screen readers and selections are not disturbed. */
export function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const byKey = (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

export function personOf(key, metas) {
  const since = metas.map((meta) => meta.online_at).filter(Number.isFinite);
  return { key, devices: metas.length, since: since.length > 0 ? Math.min(...since) : null, statuses: [] };
}

/** Rows of people, which stay the same elements while a person is shown. */
export class PeopleList {
  #rows = new Map();

  /** @param {HTMLElement} list @param {string} self the key of the reader */
  constructor(list, self) {
    this.list = list;
    this.self = self;
  }

  show(people, asOf) {
    const seen = new Set();
    let previous = null;
    for (const person of people) {
      seen.add(person.key);
      let row = this.#rows.get(person.key);
      if (!row) this.#rows.set(person.key, (row = newRow(person.key, this.self)));
      fill(row, person, asOf);
      const next = previous ? previous.nextElementSibling : this.list.firstElementChild;
      if (next !== row) this.list.insertBefore(row, next);
      previous = row;
    }
    for (const [key, row] of this.#rows) {
      if (!seen.has(key)) {
        row.remove();
        this.#rows.delete(key);
      }
    }
  }
}

function newRow(key, self) {
  const row = at("person").content.firstElementChild.cloneNode(true);
  row.dataset.key = key;
  const face = row.querySelector(".face");
  face.textContent = initials(key);
  face.dataset.hue = hue(key);
  row.querySelector(".key").textContent = key;
  row.querySelector(".badge").hidden = key !== self;
  return row;
}

function fill(row, person, asOf) {
  set(row.querySelector(".devices"), plural(person.devices, "device"));
  set(row.querySelector(".status"), person.statuses.join(" · "));
  const since = row.querySelector(".since");
  since.hidden = person.since === null;
  if (person.since !== null) {
    const elapsed = ago(person.since, asOf);
    set(since, elapsed === "just now" ? elapsed : `for ${elapsed}`);
    since.title = `since ${moment(person.since)}`;
  }
}

const CONNECTION = {
  connecting: ["wait", "Connecting"],
  joining: ["wait", "Joining"],
  live: ["good", "Live"],
  disconnected: ["bad", "Disconnected"],
  rejected: ["bad", "Rejected"],
};

export function showConnection(connection) {
  const [mood, word] = CONNECTION[connection.state];
  const pill = at("connection");
  pill.dataset.mood = mood;
  pill.dataset.state = connection.state;
  set(at("connection-word"), word);
  const notice = at("notice");
  notice.hidden = connection.state === "live" || (connection.state !== "rejected" && !connection.synced);
  if (!notice.hidden) {
    const age = connection.lastLive
      ? ` What you see is as of ${clock(connection.lastLive)} and may be out of date.`
      : "";
    notice.textContent =
      connection.state === "rejected" ? connection.problem : `Not connected to this node; reconnecting.${age}`;
  }
}
