import { Socket } from "phoenix";
import type { Cluster } from "./messages";
import { api, current, storage } from "./session";

export type State = "connecting" | "live" | "quiet" | "lost";

export interface Hooks {
  cluster(cluster: Cluster): void;
  state(): void;
  /** The token is no longer valid. */
  rejected(): void;
}

// The server sends the cluster every second: longer silence means that it is gone, even if the socket is open.
const QUIET_AFTER = 4000;

/** The admin socket: passes on messages and the time of the last one. */
export class Live {
  state: State = "connecting";
  lastHeard: number | null = null;
  readonly socket: Socket;
  #watch: ReturnType<typeof setInterval>;

  constructor(private readonly hooks: Hooks) {
    // Relative to this page, under any prefix of the host.
    this.socket = new Socket(new URL("admin_socket", document.baseURI).pathname, {
      authToken: current()?.token,
      // The client takes that of the browser otherwise, and fails where it is not permitted.
      sessionStorage: storage,
      reconnectAfterMs: (tries: number) => [100, 250, 500, 1000, 2000][tries - 1] ?? 4000,
      rejoinAfterMs: (tries: number) => [100, 500, 1000][tries - 1] ?? 3000,
    });
    this.socket.onClose(() => this.#become("lost"));
    this.socket.onError(() => {
      this.#become("lost");
      void this.#ask();
    });
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

  /** A rejected connection looks like a failed one; a request tells them apart. */
  async #ask(): Promise<void> {
    try {
      if (!current() || (await api("api/cluster")).status === 401) this.hooks.rejected();
    } catch {
      // Not reachable: the socket retries.
    }
  }

  #become(state: State): void {
    if (this.state === state) return;
    this.state = state;
    this.hooks.state();
  }
}
