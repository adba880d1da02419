import { Chart } from "./chart";
import "uplot/dist/uPlot.min.css";

const KEEP = 300;
const LINES = 8;
const LISTED = 12;

// The row for the rest, without a bar: its sum may be larger than any other.
const OTHERS = "\u0000others";

type Line = (number | null)[];

export interface Stats {
  shoppers: number;
  open_pages: number;
  pages: Record<string, number>;
  items: Record<string, number>;
  different_pages: number;
  other_pages: number;
  other_items: number;
  at: number;
}

export interface History {
  step_ms: number;
  until: number;
  shoppers: number[];
  open_pages: number[];
  pages: Record<string, Line>;
  items: Record<string, Line>;
}

interface Channel {
  on(event: string, handle: (body: any) => void): void;
  join(): void;
}

interface Host {
  root: HTMLElement;
  channel(topic: string): Channel;
  isLive(): boolean;
}

const MARKUP = `<div class="cards">
  <article class="card">
    <h2>Unique shoppers</h2>
    <p class="big" id="shoppers">–</p>
    <div class="chart" id="chart-shoppers" role="img" aria-label="Unique shoppers over the last ten minutes"></div>
  </article>
  <article class="card">
    <h2>Open pages</h2>
    <p class="big" id="open-pages">–</p>
    <div class="chart" id="chart-open-pages" role="img" aria-label="Open pages over the last ten minutes"></div>
  </article>
  <article class="card">
    <h2>People per page</h2>
    <p class="big"><span id="pages-total">–</span> <small>different pages</small></p>
    <div class="chart" id="chart-pages" role="img"
      aria-label="People per page over the last ten minutes; the list below has the counts"></div>
    <ol class="bars" id="pages"></ol>
  </article>
  <article class="card">
    <h2>Items in carts</h2>
    <p class="big"><span id="items-total">–</span> <small>in all carts</small></p>
    <div class="chart" id="chart-items" role="img"
      aria-label="Items in carts over the last ten minutes; the list below has the counts"></div>
    <ol class="bars" id="items"></ol>
  </article>
</div>
`;

/** Called by the dashboard after the sign-in. */
export function mount({ root, channel, isLive }: Host): Shoppers {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("dashboard-shoppers.css", import.meta.url).href;
  document.head.append(style);
  root.innerHTML = MARKUP;
  const shoppers = new Shoppers(isLive);
  const stats = channel("admin:live");
  stats.on("stats", (body) => shoppers.show(body));
  stats.on("history", (body) => shoppers.restore(body));
  stats.join();
  // For tests, which read the state without the markup.
  Object.assign((globalThis as any).presenceDashboard, { shoppers });
  return shoppers;
}

const at = (id: string): HTMLElement => document.getElementById(id)!;

const number = (n: number): string => n.toLocaleString("en");

/** Writes only what differs, so that screen readers and selections are not disturbed. */
function set(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function make(tag: string, className = "", text = ""): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** The counts of the shop: now, and over the last ten minutes. */
export class Shoppers {
  stats: Stats | null = null;
  #step = 2000;
  /** The last time of the server, in milliseconds, and when this page got it, by its own stopwatch. */
  #server = { at: 0, got: 0 };
  #times: number[] = [];
  #shoppers: Line = [];
  #openPages: Line = [];
  #pages = new Map<string, Line>();
  #items = new Map<string, Line>();
  #charts = {
    shoppers: new Chart(at("chart-shoppers")),
    openPages: new Chart(at("chart-open-pages")),
    pages: new Chart(at("chart-pages")),
    items: new Chart(at("chart-items")),
  };

  constructor(private readonly isLive: () => boolean) {
    setInterval(() => this.#sample(), this.#step);
  }

  show(stats: Stats): void {
    this.stats = stats;
    this.#server = { at: stats.at, got: performance.now() };
    set(at("shoppers"), number(stats.shoppers));
    set(at("open-pages"), number(stats.open_pages));
    const carts = Object.values(stats.items).reduce((sum, n) => sum + n, 0) + stats.other_items;
    set(at("items-total"), number(carts));
    set(at("pages-total"), number(stats.different_pages));
    bars(at("pages"), stats.pages, stats.other_pages, (path) => path || "(no page named)");
    bars(at("items"), stats.items, stats.other_items, (id) => `item ${id}`);
    if (this.#times.length === 0) this.#sample();
  }

  /** Replaces the samples by those of the server, after the first connection and each reconnection. */
  restore(history: History): void {
    this.#step = history.step_ms;
    if (!this.stats) this.#server = { at: history.until, got: performance.now() };
    const n = history.shoppers.length;
    this.#times = Array.from({ length: n }, (_, i) => (history.until - (n - 1 - i) * history.step_ms) / 1000);
    this.#shoppers = [...history.shoppers];
    this.#openPages = [...history.open_pages];
    this.#pages = new Map(Object.entries(history.pages));
    this.#items = new Map(Object.entries(history.items));
    this.#sample();
  }

  shown(): void {
    for (const chart of Object.values(this.#charts)) chart.shown();
  }

  #sample(): void {
    const stats = this.isLive() ? this.stats : null;
    if (!stats && this.#times.length === 0) return;
    // By the clock of the server, as in its history: that of the browser may differ.
    const now = (this.#server.at + performance.now() - this.#server.got) / 1000;
    this.#times.push(Math.max(now, this.#times.at(-1) ?? now));
    this.#shoppers.push(stats?.shoppers ?? null);
    this.#openPages.push(stats?.open_pages ?? null);
    append(this.#pages, stats?.pages, stats?.other_pages, this.#times.length);
    append(this.#items, stats?.items, stats?.other_items, this.#times.length);
    const extra = this.#times.length - KEEP;
    if (extra > 0) {
      const lines = [this.#shoppers, this.#openPages, ...this.#pages.values(), ...this.#items.values()];
      for (const line of [this.#times, ...lines]) {
        line.splice(0, extra);
      }
    }
    this.#draw();
  }

  #draw(): void {
    this.#charts.shoppers.show(this.#times, new Map([["shoppers", this.#shoppers]]));
    this.#charts.openPages.show(this.#times, new Map([["open pages", this.#openPages]]));
    this.#charts.pages.show(this.#times, largest(this.#pages));
    this.#charts.items.show(this.#times, largest(this.#items));
    colour(at("pages"), this.#charts.pages);
    colour(at("items"), this.#charts.items);
  }
}

/** Gives the rows of a list the colours of the lines in the chart above it. */
function colour(list: HTMLElement, chart: Chart): void {
  for (const row of list.children as HTMLCollectionOf<HTMLElement>) {
    row.querySelector<HTMLElement>(".line")!.style.background = chart.colourOf(row.dataset.name!);
  }
}

function append(
  lines: Map<string, Line>,
  now: Record<string, number> | undefined,
  others: number | undefined,
  length: number,
): void {
  // JavaScript orders names that are numbers by number, so the order of the server is lost.
  const names = Object.entries(now ?? {}).sort(descending).slice(0, LINES);
  for (const [name] of names) {
    // A new name was not among the largest before: its earlier counts are unknown.
    if (!lines.has(name)) lines.set(name, Array<null>(length - 1).fill(null));
  }
  for (const [name, line] of lines) {
    // A name that is missing is among the others; without others its count is zero.
    line.push(now && (Object.hasOwn(now, name) || !others) ? count(now, name) : null);
    if (line.slice(-KEEP).every((n) => !n)) lines.delete(name);
  }
}

/** Orders counts: the largest first. */
function descending([a, n]: [string, number], [b, m]: [string, number]): number {
  return m - n || (a < b ? -1 : 1);
}

/** Clients choose the names of pages, for example "constructor". */
function count(now: Record<string, number>, name: string): number {
  return Object.hasOwn(now, name) ? now[name]! : 0;
}

/** Returns the lines with the highest peaks. */
function largest(lines: Map<string, Line>): Map<string, Line> {
  const peaks = new Map([...lines].map(([name, line]) => [name, Math.max(...line.map((n) => n ?? 0))]));
  const names = [...lines.keys()].sort((a, b) => peaks.get(b)! - peaks.get(a)! || (a < b ? -1 : 1)).slice(0, LINES);
  // Ordered by name, so that a line keeps its colour when the order of the counts changes.
  return new Map(names.sort().map((name) => [name, lines.get(name)!]));
}

function bars(
  list: HTMLElement,
  counts: Record<string, number>,
  others: number,
  label: (name: string) => string,
): void {
  const entries = Object.entries(counts).sort(descending);
  const max = entries[0]?.[1] ?? 1;
  const rows = new Map([...list.children].map((row) => [(row as HTMLElement).dataset.name!, row as HTMLElement]));
  let previous: Element | null = null;
  const rest = entries.slice(LISTED).reduce((sum, [, n]) => sum + n, others);
  const shown: [string, string, number][] = entries.slice(0, LISTED).map(([name, n]) => [name, label(name), n]);
  if (rest > 0) shown.push([OTHERS, "all others", rest]);
  for (const [name, text, n] of shown) {
    let row = rows.get(name);
    if (!row) {
      row = make("li");
      row.dataset.name = name;
      row.append(make("span", "bar"), make("span", "line"), make("span", "label", text), make("b"));
    }
    rows.delete(name);
    row.querySelector<HTMLElement>(".bar")!.style.width = name === OTHERS ? "0" : `${(100 * n) / max}%`;
    set(row.querySelector("b")!, number(n));
    const next: Element | null = previous ? previous.nextElementSibling : list.firstElementChild;
    if (next !== row) list.insertBefore(row, next);
    previous = row;
  }
  for (const row of rows.values()) row.remove();
}
