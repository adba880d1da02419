import { act } from "./actions";
import { at, counted, draw, duration, keep, make, memory, number, set, time } from "./dom";
import type { Cluster, Happening, Pair, Sessions, UniqueProcess } from "./messages";
import { ResumeRates } from "./rates";

// More nodes are not readable as a circle; the table below shows the same.
const MOST_DRAWN = 12;

/** The nodes as a picture, their views of each other, and the events. */
export class ClusterView {
  #drawn = "";
  #told = "";
  #sessions = "";
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
    // An unchanged picture is not redrawn, to avoid flicker.
    const drawn = JSON.stringify([cluster.nodes, cluster.pairs.map((p) => [p.from, p.to, p.status, Math.round(p.lag_ms / 50)])]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      picture(cluster);
      matrix(cluster);
    }
    nodes(cluster);
    processes(cluster.processes ?? []);
    const rates = this.#rates.after(cluster);
    const sessions = JSON.stringify([cluster.node_sessions, rates]);
    if (sessions !== this.#sessions) {
      this.#sessions = sessions;
      sessionTable(cluster.node_sessions, rates);
    }
    const told = JSON.stringify(cluster.events);
    if (told !== this.#told) {
      this.#told = told;
      diary(cluster.events);
    }
  }
}

function picture({ nodes, pairs }: Cluster): void {
  const box = at("picture");
  if (nodes.length > MOST_DRAWN) {
    box.replaceChildren(make("p", "soft", "Too many nodes for a picture; see the table."));
    return;
  }
  const radius = nodes.length === 1 ? 0 : 118;
  const [height, middle] = extent(nodes.length, radius);
  const svg = draw("svg", { viewBox: `0 0 420 ${height}`, role: "img", "aria-label": nodes.map((m) => `${m.name} ${m.status}`).join(", ") });
  const places = new Map(
    nodes.map((node, i) => {
      const angle = (2 * Math.PI * i) / nodes.length - Math.PI / 2;
      return [node.name, { x: 210 + radius * 1.2 * Math.cos(angle), y: middle + radius * Math.sin(angle) }] as const;
    }),
  );
  const drawn = new Set<string>();
  for (const pair of pairs) {
    const name = [pair.from, pair.to].sort().join("\n");
    const [a, b] = [places.get(pair.from), places.get(pair.to)];
    if (!a || !b || drawn.has(name)) continue;
    drawn.add(name);
    const back = pairs.find((p) => p.from === pair.to && p.to === pair.from);
    const down = pair.status === "down" || back?.status === "down";
    const lag = Math.max(pair.lag_ms, back?.lag_ms ?? 0);
    svg.append(
      draw("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, class: `link ${down ? "down" : lag >= 1000 ? "late" : "up"}` }),
      draw("text", { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 - 6, class: "lag" }, down ? "down" : lag > 0 ? `${duration(lag)} behind` : "in step"),
    );
  }
  for (const node of nodes) {
    const { x, y } = places.get(node.name)!;
    const group = draw("g", { class: `node ${node.status}` });
    group.append(
      draw("circle", { cx: x, cy: y, r: 44 }),
      draw("text", { x, y: y - 8, class: "name" }, node.name.length > 12 ? `${node.name.slice(0, 11)}…` : node.name),
      draw("text", { x, y: y + 10 }, node.status),
      draw("text", { x, y: y + 27, class: "small" }, number(node.entries)),
    );
    svg.append(group);
  }
  box.replaceChildren(svg);
}

/** The height of the picture and the center of its circle: an odd number of nodes leaves the bottom empty. */
function extent(count: number, radius: number): [height: number, middle: number] {
  const heights = Array.from({ length: count }, (_, i) => -Math.cos((2 * Math.PI * i) / count) * radius);
  const edge = 54;
  return [Math.max(...heights) - Math.min(...heights) + 2 * edge, edge - Math.min(...heights)];
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
  at("sessions").replaceChildren(
    ...Object.entries(nodes).sort(([a], [b]) => (a < b ? -1 : 1)).map(([node, sessions]) => {
      const row = make("tr");
      const name = Object.assign(make("th", "", node), { scope: "row" });
      row.append(name, ...[sessions.attached, sessions.detached, sessions.held_leaves].map((n) => make("td", "n", number(n))));
      return row;
    }),
  );
  at("no-resumes").hidden = rates.length > 0;
  at("resumes-table").hidden = rates.length === 0;
  at("resumes").replaceChildren(
    ...rates.map(([outcome, perSecond, total]) => {
      const row = make("tr");
      const name = Object.assign(make("th", "", outcome.replaceAll("_", " ")), { scope: "row" });
      row.append(name, make("td", "n", perSecond.toFixed(1)), make("td", "n", number(total)));
      return row;
    }),
  );
}

function matrix({ nodes, pairs }: Cluster): void {
  const names = nodes.map((node) => node.name);
  const find = (from: string, to: string): Pair | undefined => pairs.find((pair) => pair.from === from && pair.to === to);
  const head = make("tr");
  head.append(make("th", "", "sees ↓ of →"), ...names.map((name) => Object.assign(make("th", "n", name), { scope: "col" })));
  const body = names.map((from) => {
    const row = make("tr");
    const name = make("th", "", from);
    name.scope = "row";
    row.append(name);
    for (const to of names) {
      const pair = find(from, to);
      const cell = make("td", "n");
      if (from === to) set(cell, "–");
      else if (!pair) set(cell, "?");
      else if (pair.status === "down") cell.append(make("span", "status down", "down"));
      else set(cell, duration(pair.lag_ms));
      if (pair) cell.title = `${from} last heard ${to} ${duration(pair.silent_ms)} ago and holds ${number(pair.entries)} of its presences`;
      row.append(cell);
    }
    return row;
  });
  at("lag-head").replaceChildren(head);
  at("lag").replaceChildren(...body);
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
