import { act } from "./actions";
import { at, counted, duration, keep, make, memory, number, set, time } from "./dom";
import type { Cluster, Happening, Pair, Sessions, UniqueProcess } from "./messages";
import { Picture } from "./picture";
import { ResumeRates } from "./rates";

/** The nodes as a picture, their views of each other, and the events. */
export class ClusterView {
  #told = "";
  #picture = new Picture(at("picture"));
  #rates = new ResumeRates();

  show(cluster: Cluster): void {
    set(at("node"), cluster.node);
    set(at("transport"), `Cluster transport: ${cluster.transport.name}; version ${cluster.version}.`);
    const disconnected = at("disconnected");
    disconnected.hidden = cluster.transport.state !== "disconnected";
    if (!disconnected.hidden) {
      const error = cluster.transport.last_error;
      set(disconnected, `${cluster.node} is disconnected from the cluster${error ? `: ${error}` : ""}. It serves the presences it already has.`);
    }
    const up = cluster.nodes.filter((node) => node.status === "up").length;
    set(
      at("cluster-summary"),
      `${number(up)} of ${counted(cluster.nodes.length, "node")} up, ${counted(cluster.entries, "presence")}; seen from ${cluster.node}.`,
    );
    this.#picture.show(cluster);
    matrix(cluster);
    nodes(cluster);
    processes(cluster.processes ?? []);
    sessionTable(cluster.node_sessions, this.#rates.after(cluster));
    const told = JSON.stringify(cluster.events);
    if (told !== this.#told) {
      this.#told = told;
      diary(cluster.events);
    }
  }
}

function nodes(cluster: Cluster): void {
  keep(at("nodes"), cluster.nodes.map((node) => {
    const numbers = cluster.node_numbers[node.name];
    const cells = [
      node.version ?? "not known",
      ...(numbers
        ? [
            duration(cluster.at - numbers.started_at),
            memory(numbers.memory_bytes),
            ...[numbers.sockets, node.entries, numbers.slow_consumers, numbers.dropped].map(number),
          ]
        : ["–", "–", "–", number(node.entries), "–", "–"]),
    ];
    return {
      id: node.name,
      content: JSON.stringify([node.status, cells]),
      make() {
        const row = make("tr");
        const name = Object.assign(make("th", "", node.name), { scope: "row" });
        if (node.self) name.append(make("span", "badge", "this one"));
        const status = make("td");
        status.append(make("span", `status ${node.status}`, node.status));
        row.append(name, status, ...cells.map((text, i) => make("td", i === 0 ? "" : "n", text)));
        return row;
      },
    };
  }));
}

function processes(list: UniqueProcess[]): void {
  at("no-processes").hidden = list.length > 0;
  at("processes-table").hidden = list.length === 0;
  keep(at("processes"), list.map((one) => ({
    id: one.name,
    content: JSON.stringify(one),
    make() {
      const row = make("tr");
      const since = one.since ? time(Date.parse(one.since)) : "–";
      const button = make("button", "small", "Hand over");
      button.setAttribute("aria-label", `Hand ${one.name} over`);
      button.disabled = one.node === null || one.standbys.length === 0;
      button.addEventListener("click", () => {
        if (confirm(`Ask ${one.node} to hand ${one.name} over?`)) void act("api/handover", { process: one.name }, at("processes-said"));
      });
      const action = make("td");
      action.append(button);
      const cells = [one.node ?? "runs nowhere", since, one.epoch?.toString() ?? "–", one.standbys.join(", ") || "none"];
      row.append(Object.assign(make("th", "", one.name), { scope: "row" }), ...cells.map((text) => make("td", "", text)), action);
      return row;
    },
  })));
}

function sessionTable(nodes: Record<string, Sessions>, rates: [outcome: string, perSecond: number, total: number][]): void {
  const sorted = Object.entries(nodes).sort(([a], [b]) => (a < b ? -1 : 1));
  keep(at("sessions"), sorted.map(([node, { attached, detached, held_leaves }]) =>
    line(node, [attached, detached, held_leaves].map(number))));
  at("no-resumes").hidden = rates.length > 0;
  at("resumes-table").hidden = rates.length === 0;
  keep(at("resumes"), rates.map(([outcome, perSecond, total]) =>
    line(outcome.replaceAll("_", " "), [perSecond.toFixed(1), number(total)])));
}

/** A row of a table with a name and numbers. */
function line(name: string, numbers: string[]) {
  return {
    id: name,
    content: JSON.stringify(numbers),
    make() {
      const row = make("tr");
      row.append(Object.assign(make("th", "", name), { scope: "row" }), ...numbers.map((text) => make("td", "n", text)));
      return row;
    },
  };
}

/** Cells stay while the nodes are the same, as their tooltips change with every message. */
function matrix({ nodes, pairs }: Cluster): void {
  const names = nodes.map((node) => node.name);
  const find = (from: string, to: string): Pair | undefined => pairs.find((pair) => pair.from === from && pair.to === to);
  const content = JSON.stringify(names);
  const column = (name: string) => Object.assign(make("th", "n", name), { scope: "col" });
  keep(at("lag-head"), [{
    id: "head",
    content,
    make() {
      const head = make("tr");
      head.append(make("th", "", "sees ↓ of →"), ...names.map(column));
      return head;
    },
  }]);
  keep(at("lag"), names.map((from) => ({
    id: from,
    content,
    make() {
      const row = make("tr");
      row.append(Object.assign(make("th", "", from), { scope: "row" }));
      for (const to of names) {
        const cell = make("td", "n");
        cell.dataset.to = to;
        cell.append(make("span"));
        row.append(cell);
      }
      return row;
    },
  })));
  for (const row of at("lag").children as HTMLCollectionOf<HTMLElement>) {
    const from = row.dataset.id!;
    for (const cell of row.querySelectorAll<HTMLElement>("td")) {
      const to = cell.dataset.to!;
      const pair = find(from, to);
      const down = pair?.status === "down";
      const text = cell.querySelector("span")!;
      text.className = down ? "status down" : "";
      set(text, from === to ? "–" : !pair ? "?" : down ? "down" : duration(pair.lag_ms));
      cell.title = pair
        ? `${from} last heard ${to} ${duration(pair.silent_ms)} ago and holds ${number(pair.entries)} of its presences`
        : "";
    }
  }
}

function diary(events: Happening[]): void {
  at("no-events").hidden = events.length > 0;
  keep(at("events"), events.map((event) => ({
    id: JSON.stringify(event),
    content: "",
    make() {
      const item = make("li");
      const at = make("time", "", time(event.at));
      at.dateTime = new Date(event.at).toISOString();
      item.append(at, make("span", `what ${event.what}`, event.what.replace("_", " ")), make("b", "", event.node), ` ${event.detail}`);
      return item;
    },
  })));
}
