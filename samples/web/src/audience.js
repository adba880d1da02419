import "./audience.css";
import { Audience } from "./audience-session.js";
import { at, PeopleList, set, showConnection } from "./people.js";
import { clock, plural } from "./wording.js";

const userId = new URLSearchParams(location.search).get("user_id")?.trim() ?? "";

if (userId === "") {
  at("sign-in").hidden = false;
  at("connection").hidden = true;
} else {
  start();
}

async function start() {
  at("you-key").textContent = userId;
  at("online").hidden = false;
  at("you").hidden = false;
  document.title = `${userId} · audience`;

  const list = new PeopleList(at("people"), userId);
  const audience = new Audience(userId, () => render(audience, list));
  // For tests, which read the state without the markup.
  globalThis.presencePage = audience;
  setUpCrowd(audience);
  setUpPages(audience);
  setInterval(() => render(audience, list), 5000);
  try {
    await audience.open();
  } catch (error) {
    audience.setState("rejected", error.message);
  }
}

function render(audience, list) {
  showConnection(audience);
  const live = audience.state === "live";
  at("online").classList.toggle("stale", !live);
  for (const id of ["crowd-set", "more"]) at(id).disabled = !live;
  if (!audience.synced) return;

  const counts = audience.mode === "counts" ? audience.counts : null;
  const people = audience.people();
  at("online").dataset.mode = audience.mode;
  showNumber(counts?.keys ?? people.length, live, counts);
  const devices = counts?.count ?? people.reduce((sum, person) => sum + person.devices, 0);
  const counted = counts ? `, counted at ${clock(counts.at, { seconds: true })}` : "";
  set(at("devices"), `On ${plural(devices, "device")}${counted}.`);
  set(at("mode"), counts
    ? "The topic is large, so the node sends this page a number, at most once a second, and some of the people."
    : "The topic is small, so the node sends this page everyone, and each change at once.");

  at("sample").hidden = !counts;
  showSample(counts ? people : [], audience.userId);
  showPages(audience, counts);
  list.show(counts ? audience.listed.people : people, audience.lastLive ?? Date.now());
}

function showNumber(number, live, counts) {
  set(at("number"), number.toLocaleString("en"));
  const are = number === 1 ? (live ? "person is" : "person was") : live ? "people are" : "people were";
  set(at("number-of"), ` ${are} here${counts ? ", of whom some:" : ""}`);
}

function showSample(people, self) {
  const sample = at("sample");
  const first = people.filter((person) => person.key === self);
  const shown = [...first, ...people.filter((person) => person.key !== self)];
  const keys = shown.map((person) => person.key);
  if (JSON.stringify(keys) === sample.dataset.keys) return;
  sample.dataset.keys = JSON.stringify(keys);
  sample.replaceChildren(...keys.map((key) => {
    const chip = at("chip").content.firstElementChild.cloneNode(true);
    chip.querySelector(".key").textContent = key;
    chip.querySelector(".badge").hidden = key !== self;
    return chip;
  }));
}

function showPages(audience, counts) {
  at("pages").hidden = !counts;
  at("pages-said").hidden = !counts;
  const { people, isWhole, at: readAt } = audience.listed;
  const isOpen = readAt !== null;
  at("more").hidden = isWhole;
  set(at("more"), isOpen ? "More" : "Show all");
  at("fold").hidden = !isOpen;
  at("people").hidden = Boolean(counts) && !isOpen;
  set(at("pages-said"), isOpen
    ? `${isWhole ? "All" : "The first"} ${people.length.toLocaleString("en")} in order of their names, as of ` +
      `${clock(readAt, { seconds: true })}. This list does not follow changes.`
    : "");
}

function setUpPages(audience) {
  at("more").addEventListener("click", async () => {
    try {
      await audience.readMore();
      audience.changed();
      // The button is gone, and with it the focus.
      if (at("more").hidden) at("pages-said").focus();
    } catch (error) {
      set(at("pages-said"), `Not read: ${error.message}.`);
    }
  });
  at("fold").addEventListener("click", () => {
    audience.fold();
    at("more").focus();
  });
}

function setUpCrowd(audience) {
  at("crowd-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const size = at("crowd").valueAsNumber;
    try {
      await audience.setCrowd(size);
      set(at("crowd-result"), `${plural(size, "invented viewer")}, until you close this page.`);
    } catch (error) {
      set(at("crowd-result"), `Not set: ${error.message}.`);
    }
  });
}
