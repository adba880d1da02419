import { at, counted, make, number, set } from "./dom";
import type { Presences } from "./messages";
import { api } from "./session";

const LIMIT = 50;
const REFRESH_MS = 3000;
// How often an empty page with more behind it is followed before the reader is asked.
const HOPS = 20;

/** Any topic's presences: searched and cut into pages by the server, refreshed while one looks. */
export class PresenceList {
  #topic = at<HTMLInputElement>("topic");
  #search = at<HTMLInputElement>("search");
  #after: string | null = null;
  #trail: (string | null)[] = [];
  #next: string | null = null;
  #request = 0;
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

  shown(visible: boolean): void {
    this.#visible = visible;
    if (visible) {
      void this.#topics();
      void this.#load();
    }
  }

  #restart(): void {
    this.#after = null;
    this.#trail = [];
    void this.#load();
  }

  async #topics(): Promise<void> {
    try {
      const answer = await api("api/topics?limit=1000");
      if (!answer.ok) return;
      const { topics } = (await answer.json()) as { topics: { topic: string; count: number }[] };
      at("topics").replaceChildren(
        ...topics.map(({ topic, count }) => {
          const option = make("option");
          option.value = topic;
          option.label = `${topic} (${number(count)})`;
          return option;
        }),
      );
      if (!this.#topic.value && topics[0]) {
        this.#topic.value = topics[0].topic;
        this.#restart();
      }
    } catch {
      // The list of topics is a convenience; any topic can be typed.
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
      const count = (await (await api(`api/topic?topic=${encodeURIComponent(topic)}`)).json()) as { count: number; keys: number };
      // A later request has overtaken this one; its answer counts.
      if (request !== this.#request) return;
      this.#next = body.next;
      this.#render(body, count);
    } catch (error) {
      if (request === this.#request) set(at("found"), `Not read: ${(error as Error).message}`);
    }
  }

  async #fetch(topic: string, after: string | null): Promise<Presences> {
    const query = new URLSearchParams({ topic, limit: String(LIMIT) });
    if (after !== null) query.set("after", after);
    if (this.#search.value.trim()) query.set("search", this.#search.value.trim());
    const answer = await api(`api/presences?${query}`);
    if (!answer.ok) throw new Error(((await answer.json()) as { detail?: string }).detail ?? `status ${answer.status}`);
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
    at("rows").replaceChildren(...presences.flatMap(rows));
  }
}

function rows({ key, metas, nodes }: Presences["presences"][number]): HTMLTableRowElement[] {
  return metas.map((meta, i) => {
    const row = make("tr");
    const name = make("th", "key", i === 0 ? key : "");
    name.scope = "row";
    name.title = key;
    const said = make("td", "meta");
    for (const [field, value] of Object.entries(meta)) {
      if (field === "phx_ref" || field === "phx_ref_prev") continue;
      const fact = make("span", "fact");
      fact.append(make("i", "", field), ` ${text(field, value)}`);
      said.append(fact);
    }
    row.append(name, make("td", "node", nodes[i] ?? ""), said);
    return row;
  });
}

/** Times are written as such: nobody reads milliseconds since 1970. */
function text(field: string, value: unknown): string {
  if (/_at$/.test(field) && typeof value === "number" && value > 1e12 && value < 4e12) {
    return new Date(value).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
  }
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.join(", ") || "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
