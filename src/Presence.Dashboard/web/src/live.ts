import { Socket } from "phoenix";
import type { Cluster, History, Stats } from "./messages";
import { api, current } from "./session";

export type State = "connecting" | "live" | "quiet" | "lost";

export interface Hooks {
  stats(stats: Stats): void;
  history(history: History): void;
  cluster(cluster: Cluster): void;
  state(): void;
  /** The token is no longer good. */
  refused(): void;
}

// The cluster is told of each second: a server that says nothing for longer is not there, whatever the socket thinks.
const QUIET_AFTER = 4000;

/** The admin's socket: says what arrives, and is honest about when something did last. */
export class Live {
  state: State = "connecting";
  lastHeard: number | null = null;
  readonly socket: Socket;
  #watch: ReturnType<typeof setInterval>;

  constructor(private readonly hooks: Hooks) {
    // Beside this page, wherever the host has put it.
    this.socket = new Socket(new URL("admin_socket", document.baseURI).pathname, {
      authToken: current()?.token,
      reconnectAfterMs: (tries: number) => [100, 250, 500, 1000, 2000][tries - 1] ?? 4000,
      rejoinAfterMs: (tries: number) => [100, 500, 1000][tries - 1] ?? 3000,
    });
    this.socket.onClose(() => this.#become("lost"));
    this.socket.onError(() => {
      this.#become("lost");
      void this.#ask();
    });
    const stats = this.socket.channel("admin:live");
    stats.on("stats", (body) => this.#heard(() => hooks.stats(body)));
    stats.on("history", (body) => this.#heard(() => hooks.history(body)));
    stats.join();
    const cluster = this.socket.channel("admin:cluster");
    cluster.on("cluster", (body) => this.#heard(() => hooks.cluster(body)));
    cluster.join();
    this.socket.connect();
    this.#watch = setInterval(() => this.#look(), 1000);
  }

  close(): void {
    clearInterval(this.#watch);
    this.socket.disconnect();
  }

  #heard(tell: () => void): void {
    this.lastHeard = Date.now();
    this.#become("live");
    tell();
  }

  #look(): void {
    if (this.state === "live" && Date.now() - (this.lastHeard ?? 0) > QUIET_AFTER) this.#become("quiet");
  }

  /** A refused connection looks like a broken one; asking tells them apart. */
  async #ask(): Promise<void> {
    try {
      if (!current() || (await api("api/cluster")).status === 401) this.hooks.refused();
    } catch {
      // Not there: the socket goes on trying.
    }
  }

  #become(state: State): void {
    if (this.state === state) return;
    this.state = state;
    this.hooks.state();
  }
}
