import { Chart } from "./chart";
import { at, make, number, set } from "./dom";
import type { History, Stats } from "./messages";

const KEEP = 300;
const LINES = 8;
const LISTED = 12;

// The row for what is not listed. Its sum may be larger than any other: it has a number and no bar.
const OTHERS = "\u0000others";

type Line = (number | null)[];

/** The shop in numbers: live, and over the last ten minutes. */
export class Shoppers {
  stats: Stats | null = null;
  #step = 2000;
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
    set(at("shoppers"), number(stats.shoppers));
    set(at("open-pages"), number(stats.open_pages));
    const carts = Object.values(stats.items).reduce((sum, n) => sum + n, 0) + stats.other_items;
    set(at("items-total"), number(carts));
    set(at("pages-total"), number(Object.keys(stats.pages).length));
    bars(at("pages"), stats.pages, stats.other_pages, (path) => path || "(no page named)");
    bars(at("items"), stats.items, stats.other_items, (id) => `item ${id}`);
    if (this.#times.length === 0) this.#sample();
  }

  /** The past, when the page is opened or comes back: what the server remembers is better than what was missed here. */
  restore(history: History): void {
    this.#step = history.step_ms;
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
    this.#times.push(Date.now() / 1000);
    this.#shoppers.push(stats?.shoppers ?? null);
    this.#openPages.push(stats?.open_pages ?? null);
    append(this.#pages, stats?.pages, this.#times.length);
    append(this.#items, stats?.items, this.#times.length);
    const extra = this.#times.length - KEEP;
    if (extra > 0) {
      for (const line of [this.#times, this.#shoppers, this.#openPages, ...this.#pages.values(), ...this.#items.values()]) {
        line.splice(0, extra);
      }
    }
    this.#draw();
  }

  #draw(): void {
    this.#charts.shoppers.show(this.#times, new Map([["shoppers", this.#shoppers]]));
    this.#charts.openPages.show(this.#times, new Map([["open pages", this.#openPages]]));
    this.#charts.pages.show(this.#times, largest(this.#pages, this.stats?.pages ?? {}));
    this.#charts.items.show(this.#times, largest(this.#items, this.stats?.items ?? {}));
    colour(at("pages"), this.#charts.pages);
    colour(at("items"), this.#charts.items);
  }
}

/** Ties the rows of a list to the lines of the chart above it. */
function colour(list: HTMLElement, chart: Chart): void {
  for (const row of list.children as HTMLCollectionOf<HTMLElement>) {
    row.querySelector<HTMLElement>(".line")!.style.background = chart.colourOf(row.dataset.name!);
  }
}

function append(lines: Map<string, Line>, now: Record<string, number> | undefined, length: number): void {
  const names = now ? Object.entries(now).slice(0, LINES) : [];
  for (const [name] of names) {
    // A newcomer was not among the largest before: what it was then is not known here.
    if (!lines.has(name)) lines.set(name, Array<null>(length - 1).fill(null));
  }
  for (const [name, line] of lines) {
    line.push(now ? count(now, name) : null);
    if (line.slice(-KEEP).every((n) => !n)) lines.delete(name);
  }
}

/** Shoppers name their pages as they like, also "constructor". */
function count(now: Record<string, number>, name: string): number {
  return Object.hasOwn(now, name) ? now[name]! : 0;
}

function largest(lines: Map<string, Line>, now: Record<string, number>): Map<string, Line> {
  const names = [...lines.keys()].sort((a, b) => count(now, b) - count(now, a) || (a < b ? -1 : 1)).slice(0, LINES);
  // In the order of their names, so that a line keeps its colour while the counts change places.
  return new Map(names.sort().map((name) => [name, lines.get(name)!]));
}

function bars(list: HTMLElement, counts: Record<string, number>, others: number, label: (name: string) => string): void {
  const entries = Object.entries(counts).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const most = entries[0]?.[1] ?? 1;
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
    row.querySelector<HTMLElement>(".bar")!.style.width = name === OTHERS ? "0" : `${(100 * n) / most}%`;
    set(row.querySelector("b")!, number(n));
    const next: Element | null = previous ? previous.nextElementSibling : list.firstElementChild;
    if (next !== row) list.insertBefore(row, next);
    previous = row;
  }
  for (const row of rows.values()) row.remove();
}
