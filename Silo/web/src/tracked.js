import "./style.css";
import { Session } from "./session.js";
import { ago, clock, hue, initials, plural } from "./wording.js";

const FEED_LENGTH = 30;
const at = (id) => document.getElementById(id);
const userId = new URLSearchParams(location.search).get("user_id")?.trim() ?? "";

const CONNECTION = {
  connecting: ["wait", "Connecting"],
  joining: ["wait", "Joining"],
  live: ["good", "Live"],
  lost: ["bad", "Disconnected"],
  refused: ["bad", "Refused"],
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
  at("happenings").hidden = false;
  document.title = `${userId} · who is online`;

  const rows = new Map();
  const session = new Session(userId, {
    changed: () => render(session, rows),
    happened: (what, key) => tell(what, key),
  });
  // For tests and for the curious: what the page knows, without reading the markup.
  globalThis.presencePage = session;
  setUpStatus(session);
  setInterval(() => render(session, rows), 5000);
  try {
    await session.open();
  } catch (error) {
    session.state = "refused";
    session.problem = error.message;
    render(session, rows);
  }
}

function render(session, rows) {
  const people = session.people();
  renderConnection(session);
  const devices = people.reduce((sum, person) => sum + person.devices, 0);
  at("count").textContent = session.synced
    ? `${plural(people.length, "person", "people")} on ${plural(devices, "device")}`
    : "Asking the cluster who is online";
  // While cut off, the page claims no more than it knew: the past tense, no clock that goes on, nothing to press.
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
  notice.hidden = session.state === "live" || (session.state !== "refused" && !session.synced);
  if (!notice.hidden) {
    const age = session.lastLive ? ` The list below is as of ${clock(session.lastLive)} and may be wrong by now.` : "";
    notice.textContent =
      session.state === "refused" ? session.problem : `Not connected to this member; trying again.${age}`;
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
    since.title = `since ${new Date(person.since).toLocaleString()}`;
  }
}

/** Writes only what differs, so that screen readers and selections are left in peace. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tell(what, key) {
  const feed = at("feed");
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const who = document.createElement("b");
  who.textContent = key;
  item.append(time, who, ` ${what}`);
  feed.prepend(item);
  while (feed.childElementCount > FEED_LENGTH) feed.lastElementChild.remove();
  at("feed-empty").hidden = true;
}

function setUpStatus(session) {
  const form = at("status-form");
  const said = at("status-said");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const status = at("status-text").value.trim();
    try {
      await session.setStatus(status);
      said.textContent = status ? "Everybody sees it." : "Cleared.";
    } catch (error) {
      said.textContent = `Not set: ${error.message}.`;
    }
  });
}
