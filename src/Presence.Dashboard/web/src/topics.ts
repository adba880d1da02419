import { act } from "./actions";
import { at, counted, keep, make, number, set, time } from "./dom";
import type { Topic } from "./messages";
import { address, remember } from "./route";
import { api } from "./session";

const LIMIT = 100;
const REFRESH_MS = 3000;

/** The number of presences of each topic of the first list. */
interface Baseline {
  at: number;
  counts: Map<string, number>;
  /** True if it lists every topic, so that any other had none. */
  all: boolean;
}

/** The topics by size, with their growth since the first list; and where a key is. */
export class TopicList {
  #visible = false;
  #baseline: Baseline | null = null;
  /** The key of the list of topics, which is not always that of the field. */
  #found = "";
  #request = 0;
  #key = at<HTMLInputElement>("key");

  constructor(private readonly isLive: () => boolean) {
    at("where").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#find();
    });
    at("where-evict").addEventListener("click", async () => {
      const key = this.#found;
      if (!confirm(`End the presences of ${key} in all topics?`)) return;
      if ((await act("api/evict", { key }, at("where-said"))) && key === this.#found) this.#clear();
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
    const request = ++this.#request;
    if (!key) {
      set(at("where-said"), "");
      this.#clear();
      return;
    }
    try {
      const answer = await api(`api/key?${new URLSearchParams({ key })}`);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { topics } = (await answer.json()) as { topics: string[] };
      // A later request was sent; its answer counts.
      if (request !== this.#request) return;
      this.#found = key;
      const said = topics.length === 0 ? `${key} is in no topic.` : `${key} is in ${counted(topics.length, "topic")}:`;
      set(at("where-said"), said);
      set(at("where-evict"), `Evict ${key} from all topics`);
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
      if (request !== this.#request) return;
      this.#clear();
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
      const { at: since, counts, all } = (this.#baseline ??= {
        at: Date.now(),
        counts: new Map(topics.map(({ topic, count }) => [topic, count])),
        all: complete && topics.length === examined,
      });
      const largest = topics.length < examined ? `, the ${number(topics.length)} largest` : "";
      const found = complete
        ? `${counted(examined, "topic")}${largest}.`
        : `The ${number(topics.length)} largest of the first ${number(examined)} topics by name; any others were not examined.`;
      set(at("topics-found"), topics.length === 0
        ? "Nobody is present in any topic."
        : `${found} Changes are those since ${time(since)}.`);
      keep(at("topic-rows"), topics.map(({ topic, count, keys }) => {
        const before = counts.get(topic) ?? (all ? 0 : null);
        const growth = before === null ? null : count - before;
        return {
          id: topic,
          content: JSON.stringify([count, keys, growth]),
          make() {
            const row = make("tr");
            const name = Object.assign(make("th", "key"), { scope: "row" });
            name.append(link(topic));
            const change = make("td", "n", growth === null ? "–" : `${growth > 0 ? "+" : ""}${number(growth)}`);
            if (growth === null) change.title = "Not known: the topic was not in the first list.";
            row.append(name, ...[count, keys].map((n) => make("td", "n", number(n))), change);
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
