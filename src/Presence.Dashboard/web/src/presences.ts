import { act } from "./actions";
import { at, counted, keep, make, number, set, time } from "./dom";
import type { Presences } from "./messages";
import { address, remember } from "./route";
import { api } from "./session";

const LIMIT = 50;
const REFRESH_MS = 3000;
// Number of empty pages that are skipped before the user is asked.
const HOPS = 20;

/** Presences of any topic: searched and paged by the server, refreshed while the view is open. */
export class PresenceList {
  #topic = at<HTMLInputElement>("topic");
  #search = at<HTMLInputElement>("search");
  #field = at<HTMLInputElement>("field");
  #after: string | null = null;
  #trail: (string | null)[] = [];
  #next: string | null = null;
  #request = 0;
  #counted = "";
  #visible = false;

  constructor(private readonly isLive: () => boolean) {
    at<HTMLFormElement>("find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#restart();
    });
    this.#topic.addEventListener("change", () => this.#restart());
    let typing: ReturnType<typeof setTimeout>;
    this.#search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.#restart(), 250);
    });
    at<HTMLFormElement>("group").addEventListener("submit", (event) => event.preventDefault());
    this.#field.addEventListener("change", () => {
      this.#remember();
      void this.#load();
    });
    at("next").addEventListener("click", () => {
      this.#trail.push(this.#after);
      this.#after = this.#next;
      void this.#load();
    });
    at("previous").addEventListener("click", () => {
      this.#after = this.#trail.pop() ?? null;
      void this.#load();
    });
    setInterval(() => {
      if (this.#visible && !document.hidden && this.isLive() && at<HTMLInputElement>("follow").checked) void this.#load();
    }, REFRESH_MS);
  }

  shown(visible: boolean, params: URLSearchParams): void {
    this.#visible = visible;
    if (!visible) return;
    for (const [name, field] of Object.entries({ topic: this.#topic, search: this.#search, field: this.#field })) {
      if (params.has("topic")) field.value = params.get(name) ?? "";
    }
    void this.#topics();
    this.#restart();
  }

  #remember(): void {
    remember("presences", { topic: this.#topic.value, search: this.#search.value.trim(), field: this.#field.value.trim() });
  }

  #restart(): void {
    this.#remember();
    set(at("found"), this.#topic.value ? "Loading …" : "Name a topic.");
    at("rows").replaceChildren();
    if (this.#counted !== this.#topic.value) at("counts").replaceChildren();
    this.#after = null;
    this.#trail = [];
    void this.#load();
  }

  async #topics(): Promise<void> {
    try {
      const answer = await api("api/topics?limit=1000");
      if (!answer.ok) return;
      const { topics } = (await answer.json()) as { topics: { topic: string; count: number }[] };
      keep(at("topics"), topics.map(({ topic, count }) => ({
        id: topic,
        content: String(count),
        make() {
          const option = make("option");
          option.value = topic;
          option.label = `${topic} (${number(count)})`;
          return option;
        },
      })));
      if (!this.#topic.value && topics[0]) {
        this.#topic.value = topics[0].topic;
        this.#restart();
      }
    } catch {
      // The list of topics is optional; any topic can be typed.
    }
  }

  async #load(): Promise<void> {
    const topic = this.#topic.value;
    if (!topic) {
      set(at("found"), "Name a topic.");
      return;
    }
    const request = ++this.#request;
    try {
      let body: Presences = { presences: [], next: this.#after };
      for (let hop = 0; hop < HOPS && body.presences.length === 0 && (hop === 0 || body.next !== null); hop++) {
        body = await this.#fetch(topic, body.next);
      }
      const answer = await api(`api/topic?${new URLSearchParams({ topic })}`);
      if (!answer.ok) throw new Error(await problem(answer));
      const count = (await answer.json()) as { count: number; keys: number };
      // A later request was sent; its answer counts.
      if (request !== this.#request) return;
      this.#next = body.next;
      this.#render(body, count);
      await this.#count(topic, request);
    } catch (error) {
      if (request === this.#request) set(at("found"), `Not read: ${(error as Error).message}`);
    }
  }

  /** Counts of presences by the value of the given field; none without a field. */
  async #count(topic: string, request: number): Promise<void> {
    const field = this.#field.value.trim();
    if (!field) {
      at("counts").replaceChildren();
      return;
    }
    const answer = await api(`api/counts?${new URLSearchParams({ topic, field, limit: "12" })}`);
    if (!answer.ok) throw new Error(await problem(answer));
    const { counts, other } = (await answer.json()) as { counts: { value: string | null; count: number }[]; other: number };
    if (request !== this.#request) return;
    this.#counted = topic;
    const most = counts[0]?.count ?? 1;
    // The index tells values apart that were cut to the same text.
    const named = counts.map(({ value, count }, i) => ({
      id: `${counts.slice(0, i).filter((one) => one.value === value).length} ${JSON.stringify(value)}`,
      content: `${count}/${most}`,
      make: () => bar(value ?? "(no value)", count, most),
    }));
    const rest = { id: "others", content: String(other), make: () => bar("all others", other, 0) };
    keep(at("counts"), other > 0 ? [...named, rest] : named);
  }

  async #fetch(topic: string, after: string | null): Promise<Presences> {
    const query = new URLSearchParams({ topic, limit: String(LIMIT) });
    if (after !== null) query.set("after", after);
    if (this.#search.value.trim()) query.set("search", this.#search.value.trim());
    const answer = await api(`api/presences?${query}`);
    if (!answer.ok) throw new Error(await problem(answer));
    return (await answer.json()) as Presences;
  }

  #render({ presences, next }: Presences, { count, keys }: { count: number; keys: number }): void {
    const shown = presences.reduce((sum, entry) => sum + entry.metas.length, 0);
    const search = this.#search.value.trim();
    const all = `${counted(count, "presence")} under ${counted(keys, "key")}`;
    if (count === 0) set(at("found"), "Nobody is present in this topic.");
    else if (shown === 0) set(at("found"), `${all}; none${search ? ` matches "${search}"` : ""} on this page.`);
    else if (search) set(at("found"), `${all}; on this page ${number(shown)} with "${search}".`);
    else set(at("found"), `${all}; ${number(shown)} on this page.`);
    at<HTMLButtonElement>("next").disabled = next === null;
    at<HTMLButtonElement>("previous").disabled = this.#after === null && this.#trail.length === 0;
    keep(at("rows"), presences.flatMap((presence) => rows(presence, this.#topic.value)));
  }
}

/** The reason of an answer that is an error. */
async function problem(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => ({}))) as { detail?: string };
  return body.detail ?? `status ${answer.status}`;
}

function bar(value: string, count: number, most: number): HTMLLIElement {
  const row = make("li");
  const filled = make("span", "bar");
  filled.style.width = most > 0 ? `${(100 * count) / most}%` : "0";
  row.append(filled, make("span", "label", value), make("b", "", number(count)));
  return row;
}

function rows({ key, metas, nodes, detached }: Presences["presences"][number], topic: string) {
  return metas.map((meta, i) => ({
    id: `${key}\n${i}`,
    content: JSON.stringify([nodes[i], detached[i], meta]),
    make: () => line(topic, key, meta, i === 0, nodes[i] ?? "", detached[i] ?? false),
  }));
}

function line(topic: string, key: string, meta: Record<string, unknown>, isFirst: boolean, node: string, detached: boolean): HTMLTableRowElement {
  const row = make("tr");
  const name = make("th", "key");
  name.scope = "row";
  if (isFirst) {
    const where = Object.assign(make("a", "", key), { href: address("topics", { key }), title: "Where else is this key?" });
    name.append(where);
  }
  const said = make("td", "meta");
  for (const [field, value] of Object.entries(meta)) {
    if (field === "phx_ref" || field === "phx_ref_prev") continue;
    const fact = make("span", "fact");
    fact.append(make("i", "", field), ` ${text(field, value)}`);
    said.append(fact);
  }
  const owner = make("td", "node", node);
  if (detached) {
    const badge = make("span", "badge detached", "detached");
    badge.title = "The session has lost its connection. It leaves unless it is resumed within its grace.";
    owner.append(badge);
  }
  const actions = make("td", "actions");
  if (isFirst) {
    const copy = button("Copy", `Copy ${key}`, () => copyKey(key, name, copy));
    const evict = button("Evict", `Evict ${key}`, () => {
      if (confirm(`End the presences of ${key} in ${topic}?`)) void act("api/evict", { topic, key }, at("evicted"));
    });
    actions.append(copy, evict);
  }
  row.append(name, owner, said, actions);
  return row;
}

/** Copies a key; selects it where the browser does not permit that, as over plain HTTP. */
async function copyKey(key: string, shown: HTMLElement, copy: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(key);
    set(copy, "Copied");
  } catch {
    getSelection()?.selectAllChildren(shown);
    set(copy, "Selected");
    set(at("evicted"), "The browser does not let this page copy, for example over plain HTTP. The key is selected: copy it.");
  }
}

function button(text: string, label: string, onClick: () => unknown): HTMLButtonElement {
  const made = make("button", "small", text);
  made.setAttribute("aria-label", label);
  made.addEventListener("click", onClick);
  return made;
}

/** Formats Unix milliseconds as times. */
function text(field: string, value: unknown): string {
  if (/_at$/.test(field) && typeof value === "number" && value > 1e12 && value < 4e12) {
    return time(value);
  }
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.join(", ") || "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
