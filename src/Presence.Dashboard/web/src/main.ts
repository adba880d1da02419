import "uplot/dist/uPlot.min.css";
import "./style.css";
import { ClusterView } from "./cluster";
import { at, clock, set } from "./dom";
import { Live, type State } from "./live";
import { PresenceList } from "./presences";
import { current, forget, signIn } from "./session";
import { Shoppers } from "./shoppers";

const WORDS: Record<State, [mood: string, word: string]> = {
  connecting: ["wait", "Connecting"],
  live: ["good", "Live"],
  quiet: ["bad", "No news"],
  lost: ["bad", "Disconnected"],
};

const VIEWS = ["shoppers", "presences", "cluster"];

let live: Live | null = null;

setUpSignIn();
if (current()) open();
else ask("");

function ask(reason: string): void {
  at("sign-in").hidden = false;
  at("dashboard").hidden = true;
  set(at("sign-in-said"), reason);
  at<HTMLInputElement>("user").focus();
}

function setUpSignIn(): void {
  const form = at<HTMLFormElement>("sign-in-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button")!;
    button.disabled = true;
    const password = at<HTMLInputElement>("password");
    const refused = await signIn(at<HTMLInputElement>("user").value, password.value);
    button.disabled = false;
    password.value = "";
    if (refused === null) {
      open();
    } else {
      set(at("sign-in-said"), refused);
      password.focus();
    }
  });
  at("sign-out").addEventListener("click", () => leave("Signed out."));
}

function leave(reason: string): void {
  live?.close();
  live = null;
  forget();
  // The page starts anew: nothing of what was shown stays behind.
  sessionStorage.setItem("presence.said", reason);
  location.reload();
}

function open(): void {
  at("sign-in").hidden = true;
  at("dashboard").hidden = false;
  const isLive = () => live?.state === "live";
  const shoppers = new Shoppers(isLive);
  const presences = new PresenceList(isLive);
  const cluster = new ClusterView();
  live = new Live({
    stats: (stats) => shoppers.show(stats),
    history: (history) => shoppers.restore(history),
    cluster: (body) => cluster.show(body),
    state: () => showState(),
    refused: () => leave("The server no longer accepts this sign-in: it has expired, or the server was started anew."),
  });
  // For tests and for the curious: what the page knows, without reading the markup.
  Object.assign(globalThis, { presenceDashboard: { live, shoppers } });

  const route = () => {
    const wanted = location.hash.slice(1);
    const view = VIEWS.includes(wanted) ? wanted : "shoppers";
    for (const name of VIEWS) {
      at(`view-${name}`).hidden = name !== view;
      const link = document.querySelector(`nav a[href$="#${name}"]`)!;
      if (name === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (view === "shoppers") shoppers.shown();
    presences.shown(view === "presences");
  };
  addEventListener("hashchange", route);
  route();
  showState();
  setInterval(showState, 1000);
  const { expires } = current()!;
  setInterval(() => Date.parse(expires) <= Date.now() && leave("The sign-in has expired."), 30_000);
}

function showState(): void {
  if (!live) return;
  const [mood, word] = WORDS[live.state];
  const pill = at("connection");
  pill.dataset.mood = mood;
  pill.dataset.state = live.state;
  set(at("connection-word"), word);
  const stale = live.state === "lost" || live.state === "quiet";
  at("views").classList.toggle("stale", stale);
  const notice = at("notice");
  notice.hidden = !stale;
  if (stale) {
    const age = live.lastHeard ? ` What is shown is as of ${clock(live.lastHeard)} and may be wrong by now.` : "";
    set(
      notice,
      live.state === "lost"
        ? `Not connected to this member; trying again.${age}`
        : `Connected, but this member has said nothing for some seconds.${age}`,
    );
  }
}

const said = sessionStorage.getItem("presence.said");
if (said !== null) {
  sessionStorage.removeItem("presence.said");
  if (!current()) set(at("sign-in-said"), said);
}
