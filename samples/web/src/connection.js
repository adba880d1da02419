import { Socket } from "phoenix";

// The path below which a proxy serves the host, with a slash at its end.
const BASE = document.documentElement.dataset.base;

const RETRY_RENEWAL_AFTER = 5000;

/**
 * A signed-in connection to the node that served the page. A class for a page derives from it: its `join` joins the
 * channels and returns the one that the page is about. Calls `changed` after every visible change.
 */
export class Connection {
  /** @param {string} userId @param {() => void} changed */
  constructor(userId, changed) {
    this.userId = userId;
    this.changed = changed;
    this.state = "connecting";
    this.problem = null;
    this.token = null;
    this.synced = false;
  }

  async open() {
    await this.#renewToken();
    this.socket = new Socket(BASE + "auth_socket", { params: () => ({ token: this.token }) });
    this.socket.onOpen(() => this.setState("joining"));
    this.socket.onClose(() => this.#disconnected());
    this.channel = this.join();
    this.channel.onError(() => this.socket.isConnected() && this.setState("joining"));
    this.channel.onClose(() => this.setState("rejected", "The node closed the channel."));
    this.channel
      .join()
      .receive("ok", () => this.joined())
      .receive("error", (response) => this.setState("rejected", response?.reason ?? "The node rejected the join."))
      .receive("timeout", () => this.setState("joining", "The node has not answered yet."));
    this.socket.connect();
  }

  /** Is called after every join, also that of a reconnection. */
  joined() {}

  /** Pushes an event and returns the response. */
  ask(channel, event, payload) {
    return new Promise((resolve, reject) => {
      channel
        .push(event, payload)
        .receive("ok", resolve)
        .receive("error", (response) => reject(new Error(response?.reason ?? "rejected")))
        .receive("timeout", () => reject(new Error("no answer")));
    });
  }

  setState(state, problem = null) {
    if (this.state === "live" && state !== "live") this.lastLive = Date.now();
    if (state === "live") this.lastLive = null;
    this.state = state;
    this.problem = problem;
    this.changed();
  }

  /** Records that data has come. */
  setLive() {
    this.synced = true;
    this.setState("live");
  }

  #disconnected() {
    this.setState("disconnected");
    // A restarted node may not accept the old token; the next attempt sends a new one.
    this.#renewToken().catch(() => {});
  }

  async #renewToken() {
    const response = await fetch(`${BASE}token?user_id=${encodeURIComponent(this.userId)}`, { cache: "no-store" });
    if (!response.ok) throw new Error(`No token: the node answered ${response.status}.`);
    this.token = await response.text();
    // Long before its end, so that a failed attempt can be repeated.
    this.#renewAfter(Number(response.headers.get("Token-Lifetime")) * 800);
  }

  #renewAfter(time) {
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => this.#renewConnection(), time);
  }

  /** Renews the token of the connection, which is closed when its token ends. */
  async #renewConnection() {
    try {
      await this.#renewToken();
      this.channel.push("access_token", { access_token: this.token });
    } catch {
      this.#renewAfter(RETRY_RENEWAL_AFTER);
    }
  }
}
