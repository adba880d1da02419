import "./style.css";
import { setUpActions } from "./actions";
import { ClusterView } from "./cluster";
import { at, make, set, time } from "./dom";
import { Live, type State } from "./live";
import { Overview } from "./overview";
import { PresenceList } from "./presences";
import { route } from "./route";
import { current, forget, reload, said, signIn } from "./session";
import { TopicList } from "./topics";

const WORDS: Record<State, [mood: string, word: string]> = {
  connecting: ["wait", "Connecting"],
  live: ["good", "Live"],
  quiet: ["bad", "No news"],
  lost: ["bad", "Disconnected"],
};

/** A view of the application: a module that the host names in the page. */
interface AddedView {
  shown?(): void;
}

let live: Live | null = null;

setUpSignIn();
setUpSkipLink();
const reason = said();
if (current()) open();
else ask(reason);

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
    const rejected = await signIn(at<HTMLInputElement>("user").value, password.value);
    button.disabled = false;
    password.value = "";
    if (rejected === null) {
      open();
    } else {
      set(at("sign-in-said"), rejected);
      password.focus();
    }
  });
  at("sign-out").addEventListener("click", () => leave("Signed out."));
}

/** Moves the focus. The address stays: it names the view. */
function setUpSkipLink(): void {
  document.querySelector("a.skip")!.addEventListener("click", (event) => {
    event.preventDefault();
    at("views").focus();
  });
}

function leave(reason: string): void {
  live?.close();
  live = null;
  forget();
  // Nothing of the session remains in the page.
  reload(reason);
}

function open(): void {
  at("sign-in").hidden = true;
  at("dashboard").hidden = false;
  const isLive = () => live?.state === "live";
  const overview = new Overview(isLive);
  const pages = { overview, topics: new TopicList(isLive), presences: new PresenceList(isLive) };
  const cluster = new ClusterView();
  setUpActions();
  live = new Live({
    cluster: (body) => {
      cluster.show(body);
      overview.show(body);
    },
    state: () => showState(),
    rejected: () => leave("The server no longer accepts this sign-in: it has expired, or the server was started anew."),
  });
  // For tests: the state of the page, without reading the markup.
  Object.assign(globalThis, { presenceDashboard: { live } });

  const links = [...document.querySelectorAll<HTMLAnchorElement>("nav a[href^='#']")];
  const views = links.map((link) => link.hash.slice(1));
  const added = new Map<string, AddedView>();

  for (const link of links.filter((a) => a.dataset.script)) {
    const name = link.hash.slice(1);
    const root = make("section");
    root.id = `view-${name}`;
    root.ariaLabel = link.textContent;
    root.hidden = true;
    at("views").append(root);
    const socket = live.socket;
    void import(/* @vite-ignore */ link.dataset.script!).then(
      (module) => {
        added.set(name, module.mount({ root, isLive, channel: (topic: string) => socket.channel(topic) }) ?? {});
        if (!root.hidden) added.get(name)!.shown?.();
      },
      (error) => root.append(make("p", "notice", `This view could not be loaded: ${error}`)),
    );
  }
  const show = () => {
    const { view: wanted, params } = route();
    const view = views.includes(wanted) ? wanted : views[0]!;
    for (const link of links) {
      const name = link.hash.slice(1);
      at(`view-${name}`).hidden = name !== view;
      if (name === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    added.get(view)?.shown?.();
    for (const [name, page] of Object.entries(pages)) page.shown(name === view, params);
  };
  addEventListener("hashchange", show);
  show();
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
    const age = live.lastHeard ? ` What is shown is as of ${time(live.lastHeard)} and may be wrong by now.` : "";
    set(
      notice,
      live.state === "lost"
        ? `Not connected to this node; trying again.${age}`
        : `Connected, but this node has said nothing for some seconds.${age}`,
    );
  }
}
