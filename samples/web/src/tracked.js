import "./style.css";
import { Session } from "./session.js";
import { ago, clock, hue, initials, moment, plural, showMoment } from "./wording.js";

const FEED_LENGTH = 30;
const at = (id) => document.getElementById(id);
const userId = new URLSearchParams(location.search).get("user_id")?.trim() ?? "";

const CONNECTION = {
  connecting: ["wait", "Connecting"],
  joining: ["wait", "Joining"],
  live: ["good", "Live"],
  disconnected: ["bad", "Disconnected"],
  rejected: ["bad", "Rejected"],
};

if (userId === "") {
  at("sign-in").hidden = false;
  at("connection").hidden = true;
} else {
  start();
}

async function start() {
  at("you-key").textContent = userId;
  at("you").hidden = false;
  at("online").hidden = false;
  at("events").hidden = false;
  document.title = `${userId} · who is online`;

  const rows = new Map();
  const session = new Session(userId, {
    changed: () => render(session, rows),
    happened: addEvent,
  });
  // For tests, which read the state without the markup.
  globalThis.presencePage = session;
  setUpStatus(session);
  setUpSearch(session);
  setInterval(() => render(session, rows), 5000);
  try {
    await session.open();
  } catch (error) {
    session.state = "rejected";
    session.problem = error.message;
    render(session, rows);
  }
}

function render(session, rows) {
  const people = session.people();
  renderConnection(session);
  const devices = people.reduce((sum, person) => sum + person.devices, 0);
  at("count").textContent = session.synced
    ? `${plural(people.length, "person", "people")} on ${plural(devices, "device")}` +
      (session.prefix ? `, of those whose names begin with “${session.prefix}”` : "")
    : "Loading";
  // A disconnected page shows the last known state: past tense, stopped clocks, disabled controls.
  const live = session.state === "live";
  at("online").classList.toggle("stale", !live);
  set(at("online-title"), live || !session.synced ? "Online now" : "Last seen online");
  at("status-set").disabled = !live;
  const asOf = session.lastLive ?? Date.now();

  const list = at("people");
  const seen = new Set();
  let previous = null;
  for (const person of people) {
    seen.add(person.key);
    let row = rows.get(person.key);
    if (!row) rows.set(person.key, (row = newRow(person.key, session.userId)));
    fill(row, person, asOf);
    const next = previous ? previous.nextElementSibling : list.firstElementChild;
    if (next !== row) list.insertBefore(row, next);
    previous = row;
  }
  for (const [key, row] of rows) {
    if (!seen.has(key)) {
      row.remove();
      rows.delete(key);
    }
  }
}

function renderConnection(session) {
  const [mood, word] = CONNECTION[session.state];
  const pill = at("connection");
  pill.dataset.mood = mood;
  pill.dataset.state = session.state;
  at("connection-word").textContent = word;
  const notice = at("notice");
  notice.hidden = session.state === "live" || (session.state !== "rejected" && !session.synced);
  if (!notice.hidden) {
    const age = session.lastLive ? ` The list below is as of ${clock(session.lastLive)} and may be out of date.` : "";
    notice.textContent =
      session.state === "rejected" ? session.problem : `Not connected to this node; reconnecting.${age}`;
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

/** Writes only what differs, so that screen readers and selections are not disturbed. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function addEvent(event, key) {
  const feed = at("feed");
  const item = document.createElement("li");
  const time = document.createElement("time");
  showMoment(time, Date.now(), { seconds: true });
  const who = document.createElement("b");
  who.textContent = key;
  item.append(time, who, ` ${event}`);
  feed.prepend(item);
  while (feed.childElementCount > FEED_LENGTH) feed.lastElementChild.remove();
  at("feed-empty").hidden = true;
}

function setUpSearch(session) {
  const prefix = at("prefix");
  prefix.addEventListener("input", () => session.show(prefix.value));
  at("search").addEventListener("submit", (event) => event.preventDefault());
}

function setUpStatus(session) {
  const form = at("status-form");
  const result = at("status-result");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const status = at("status-text").value.trim();
    try {
      await session.setStatus(status);
      result.textContent = status ? "Everyone sees it." : "Cleared.";
    } catch (error) {
      result.textContent = `Not set: ${error.message}.`;
    }
  });
}
