import { act } from "./actions";
import { at, counted, keep, make, number, set, time } from "./dom";
import type { Topic } from "./messages";
import { address, remember } from "./route";
import { api } from "./session";

const LIMIT = 100;
const REFRESH_MS = 3000;

/** The topics by size, with their growth while the page is open; and where a key is. */
export class TopicList {
  #visible = false;
  #since = Date.now();
  /** Number of presences when a topic was first listed. */
  #first: Map<string, number> | null = null;
  #key = at<HTMLInputElement>("key");

  constructor(private readonly isLive: () => boolean) {
    at("where").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#find();
    });
    at("where-evict").addEventListener("click", async () => {
      const key = this.#key.value.trim();
      if (!confirm(`End the presences of ${key} in all topics?`)) return;
      if (await act("api/evict", { key }, at("where-said"))) this.#clear();
    });
    setInterval(() => {
      if (this.#visible && !document.hidden && this.isLive()) void this.#load();
    }, REFRESH_MS);
  }

  shown(visible: boolean, params: URLSearchParams): void {
    this.#visible = visible;
    if (!visible) return;
    void this.#load();
    const key = params.get("key");
    if (key !== null) this.#key.value = key;
    if (this.#key.value) void this.#find();
  }

  async #find(): Promise<void> {
    const key = this.#key.value.trim();
    remember("topics", { key });
    if (!key) {
      set(at("where-said"), "");
      this.#clear();
      return;
    }
    try {
      const answer = await api(`api/key?${new URLSearchParams({ key })}`);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { topics } = (await answer.json()) as { topics: string[] };
      const said = topics.length === 0 ? `${key} is in no topic.` : `${key} is in ${counted(topics.length, "topic")}:`;
      set(at("where-said"), said);
      at("where-evict").hidden = topics.length === 0;
      keep(at("where-topics"), topics.map((topic) => ({
        id: topic,
        content: key,
        make() {
          const item = make("li");
          item.append(link(topic, key));
          return item;
        },
      })));
    } catch (error) {
      set(at("where-said"), `Not read: ${(error as Error).message}`);
    }
  }

  #clear(): void {
    at("where-evict").hidden = true;
    keep(at("where-topics"), []);
  }

  async #load(): Promise<void> {
    try {
      const answer = await api(`api/topics?order=size&limit=${LIMIT}`);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { topics, examined, complete } = (await answer.json()) as { topics: Topic[]; examined: number; complete: boolean };
      const first = (this.#first ??= new Map(topics.map(({ topic, count }) => [topic, count])));
      const shown = topics.length < examined ? `, the ${number(topics.length)} largest` : "";
      set(at("topics-found"), topics.length === 0
        ? "Nobody is present in any topic."
        : `${complete ? "" : "Over "}${counted(examined, "topic")}${shown}. Changes are those since ${time(this.#since)}.`);
      keep(at("topic-rows"), topics.map(({ topic, count, keys }) => {
        const growth = count - (first.get(topic) ?? 0);
        return {
          id: topic,
          content: JSON.stringify([count, keys, growth]),
          make() {
            const row = make("tr");
            const name = Object.assign(make("th", "key"), { scope: "row" });
            name.append(link(topic));
            const sign = growth > 0 ? "+" : "";
            row.append(name, ...[number(count), number(keys), `${sign}${number(growth)}`].map((text) => make("td", "n", text)));
            return row;
          },
        };
      }));
    } catch (error) {
      set(at("topics-found"), `Not read: ${(error as Error).message}`);
    }
  }
}

function link(topic: string, search = ""): HTMLAnchorElement {
  return Object.assign(make("a", "", topic), { href: address("presences", { topic, search }) });
}
