import "./style.css";
import { at, PeopleList, set, showConnection } from "./people.js";
import { Session } from "./session.js";
import { plural, showMoment } from "./wording.js";

const FEED_LENGTH = 30;
const userId = new URLSearchParams(location.search).get("user_id")?.trim() ?? "";

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

  const list = new PeopleList(at("people"), userId);
  const session = new Session(userId, {
    changed: () => render(session, list),
    happened: addEvent,
  });
  // For tests, which read the state without the markup.
  globalThis.presencePage = session;
  setUpStatus(session);
  setUpSearch(session);
  setInterval(() => render(session, list), 5000);
  try {
    await session.open();
  } catch (error) {
    session.state = "rejected";
    session.problem = error.message;
    render(session, list);
  }
}

function render(session, list) {
  const people = session.people();
  showConnection(session);
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
  list.show(people, session.lastLive ?? Date.now());
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
