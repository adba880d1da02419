import { Chart } from "./chart";
import { at, counted, duration, keep, make, memory, number, precise, set, time } from "./dom";
import type { Cluster, History, Numbers, Topic } from "./messages";
import { address, remember } from "./route";
import { api } from "./session";

const RANGES = ["10m", "1h", "24h"];
const REFRESH_MS = 5000;

/** Slow consumers that are shown. */
const MAX_SLOW = 10;

const WHAT = {
  socket: "Connection",
  handler: "Handler",
  subscriber: "Subscribers of topic",
  reader: "Event reader of topic",
};

const MEGABYTE = 1024 * 1024;

/** A tile's value and note; no duration is 0, which is what a node reports that has measured none. */
function percentiles(what: string, p99: number, p50: number): [value: string, note: string] {
  return p99 > 0 ? [precise(p99), `${what}, 99 %; median ${precise(p50)}`] : ["–", `${what}; none yet`];
}

/** The cluster in numbers, the largest topics, and what has changed over time. */
export class Overview {
  #range = "10m";
  #visible = false;
  #drawn = "";
  #topics: string | null = null;
  #keys: string | null = null;
  #charts: { chart: Chart; of(point: History["points"][number]): number[] }[] = [
    { chart: new Chart(at("chart-entries"), ["Presences"]), of: (p) => [p.entries] },
    { chart: new Chart(at("chart-changes"), ["Joins", "Leaves"]), of: (p) => [p.joins, p.leaves] },
    { chart: new Chart(at("chart-messages"), ["Messages"]), of: (p) => [p.messages] },
    { chart: new Chart(at("chart-sockets"), ["Connections"]), of: (p) => [p.sockets] },
    { chart: new Chart(at("chart-lag"), ["Lag in ms"]), of: (p) => [p.lag_ms] },
    { chart: new Chart(at("chart-memory"), ["Memory in MB"]), of: (p) => [p.memory_bytes / MEGABYTE] },
  ];

  constructor(private readonly isLive: () => boolean) {
    for (const button of this.#buttons()) {
      button.addEventListener("click", () => {
        this.#select(button.dataset.range!);
        void this.#load();
      });
    }
    setInterval(() => {
      if (this.#visible && !document.hidden && this.isLive()) void this.#load();
    }, REFRESH_MS);
  }

  shown(visible: boolean, params: URLSearchParams): void {
    this.#visible = visible;
    if (!visible) return;
    const range = params.get("range");
    this.#select(range && RANGES.includes(range) ? range : this.#range);
    void this.#load();
  }

  show(cluster: Cluster): void {
    const all = Object.values(cluster.node_numbers);
    const sum = (of: (numbers: Numbers) => number) => all.reduce((total, one) => total + of(one), 0);
    const most = (of: (numbers: Numbers) => number) => Math.max(0, ...all.map(of));
    const own = cluster.node_numbers[cluster.node];
    const sessions = Object.values(cluster.node_sessions);
    const rate = (n: number) => n.toLocaleString("en", { maximumFractionDigits: 1 });
    const tiles: [name: string, value: string, note: string][] = [
      ["People", this.#keys ?? "–", "different keys in all topics"],
      ["Presences", number(cluster.entries), "on all nodes"],
      ["Topics", this.#topics ?? "–", "with presences"],
      ["Connections", number(sum((n) => n.sockets)), counted(sum((n) => n.channels), "channel")],
      ["Sessions", number(sessions.reduce((n, s) => n + s.attached + s.detached, 0)),
        `with a grace, ${number(sessions.reduce((n, s) => n + s.detached, 0))} detached`],
      ["Nodes", `${cluster.nodes.filter((n) => n.status === "up").length} / ${cluster.nodes.length}`, "up"],
      ["Joins", rate(own?.joins ?? 0), `a second, ${rate(own?.leaves ?? 0)} leaves`],
      ["Messages", rate(sum((n) => n.messages)), "broadcasts and diffs a second"],
      ["Lag", duration(Math.max(cluster.lag_ms, ...cluster.pairs.map((pair) => pair.lag_ms))),
        `largest of any pair; in 10 min 99 % ${precise(most((n) => n.lag_p99_ms))}, `
          + `median ${precise(most((n) => n.lag_p50_ms))}`],
      ["Handling",
        ...percentiles("of clients' messages", most((n) => n.handling_p99_ms), most((n) => n.handling_p50_ms))],
      ["Sending", ...percentiles("to clients", most((n) => n.sending_p99_ms), most((n) => n.sending_p50_ms))],
      ["Merge", ...percentiles("of a frame", most((n) => n.merge_p99_ms), most((n) => n.merge_p50_ms))],
      ["Slow consumers", number(sum((n) => n.slow_consumers)), "times since the start"],
      ["Dropped frames", number(sum((n) => n.dropped)), "since the start"],
      ["Memory", memory(most((n) => n.memory_bytes)), "of the largest process"],
    ];
    this.#slow(cluster);
    const drawn = JSON.stringify(tiles);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    keep(at("tiles"), tiles.map(([name, value, note]) => ({
      id: name,
      content: value + note,
      make() {
        const tile = make("div", "card tile");
        tile.append(make("dt", "", name), make("dd", "big", value), make("dd", "soft", note));
        return tile;
      },
    })));
  }

  #slow(cluster: Cluster): void {
    const all = Object.entries(cluster.node_slow).flatMap(([node, some]) => some.map((one) => ({ node, ...one })));
    all.sort((a, b) => b.at - a.at);
    at("no-slow").hidden = all.length > 0;
    at("slow-table").hidden = all.length === 0;
    keep(at("slow"), all.slice(0, MAX_SLOW).map((one) => ({
      id: JSON.stringify([one.node, one.kind, one.name]),
      content: `${one.at}/${one.times}/${one.detail}`,
      make() {
        const row = make("tr");
        const who = Object.assign(make("th", "", one.name), { scope: "row" });
        row.append(who, ...[WHAT[one.kind], one.node, one.detail, time(one.at)].map((text) => make("td", "", text)),
          make("td", "n", number(one.times)));
        return row;
      },
    })));
  }

  #buttons(): HTMLButtonElement[] {
    return [...document.querySelectorAll<HTMLButtonElement>("#ranges button")];
  }

  #select(range: string): void {
    this.#range = range;
    for (const button of this.#buttons()) button.setAttribute("aria-pressed", String(button.dataset.range === range));
    remember("overview", { range: range === "10m" ? "" : range });
  }

  async #load(): Promise<void> {
    const range = this.#range;
    try {
      const answers = await Promise.all([
        api(`api/history?range=${range}`),
        api("api/topics?order=size&limit=8"),
        api("api/keys"),
      ]);
      const failed = answers.find((answer) => !answer.ok);
      if (failed) throw new Error(`status ${failed.status}`);
      const [history, topics, keys] = answers;
      const { step, points } = (await history.json()) as History;
      const { topics: largest, examined, complete } = (await topics.json()) as { topics: Topic[]; examined: number; complete: boolean };
      const different = (await keys.json()) as { keys: number; complete: boolean };
      this.#keys = different.complete ? number(different.keys) : `over ${number(different.keys)}`;
      this.#topics = complete ? number(examined) : `over ${number(examined)}`;
      this.#largest(largest);
      at("largest-said").hidden = complete;
      set(at("largest-said"), complete ? "" : `Of the first ${number(examined)} topics by name; any others were not examined.`);
      if (range !== this.#range) return;
      for (const { chart, of } of this.#charts) {
        chart.show(step, points.map((point) => point.at), points.map(of));
      }
      set(at("history-said"), points.length > 1 ? "" : "Nothing has been recorded for longer than a few seconds.");
    } catch (error) {
      set(at("history-said"), `Not read: ${(error as Error).message}`);
    }
  }

  #largest(topics: Topic[]): void {
    at("no-topics").hidden = topics.length > 0;
    const most = topics[0]?.count ?? 1;
    keep(at("largest"), topics.map(({ topic, count }) => ({
      id: topic,
      content: `${count}/${most}`,
      make() {
        const row = make("li");
        const bar = make("span", "bar");
        bar.style.width = `${(100 * count) / most}%`;
        const link = make("a", "label", topic);
        link.href = address("presences", { topic });
        row.append(bar, link, make("b", "", number(count)));
        return row;
      },
    })));
  }
}
