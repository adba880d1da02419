import { at, clock, counted, draw, duration, make, number, set } from "./dom";
import type { Cluster, Happening, Member, Pair } from "./messages";

// More than this cannot be read as a circle; the table below says the same.
const MOST_DRAWN = 12;

/** The members as a picture, what each knows of the others, and what happened. */
export class ClusterView {
  #drawn = "";
  #told = "";

  show(cluster: Cluster): void {
    set(at("member"), cluster.node);
    set(at("engine"), `Engine: ${cluster.engine}; version ${cluster.version}.`);
    const away = at("link");
    away.hidden = cluster.link.state !== "away";
    if (!away.hidden) {
      set(away, `${cluster.node} does not reach what joins the members${cluster.link.problem ? `: ${cluster.link.problem}` : ""}. It serves what it has.`);
    }
    const up = cluster.members.filter((member) => member.status === "up").length;
    set(
      at("cluster-summary"),
      `${up} of ${cluster.members.length} members up, ${counted(cluster.entries, "presence")}; seen from ${cluster.node}.`,
    );
    // What looks the same is not drawn again: a picture that flickers cannot be read.
    const drawn = JSON.stringify([cluster.members, cluster.pairs.map((p) => [p.from, p.to, p.status, Math.round(p.lag_ms / 50)])]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      picture(cluster);
      members(cluster.members);
      matrix(cluster);
    }
    const told = JSON.stringify(cluster.events);
    if (told !== this.#told) {
      this.#told = told;
      diary(cluster.events);
    }
  }
}

function picture({ members, pairs }: Cluster): void {
  const box = at("picture");
  if (members.length > MOST_DRAWN) {
    box.replaceChildren(make("p", "soft", "Too many members for a picture; see the table."));
    return;
  }
  const radius = members.length === 1 ? 0 : 118;
  const [height, middle] = extent(members.length, radius);
  const svg = draw("svg", { viewBox: `0 0 420 ${height}`, role: "img", "aria-label": members.map((m) => `${m.name} ${m.status}`).join(", ") });
  const places = new Map(
    members.map((member, i) => {
      const angle = (2 * Math.PI * i) / members.length - Math.PI / 2;
      return [member.name, { x: 210 + radius * 1.2 * Math.cos(angle), y: middle + radius * Math.sin(angle) }] as const;
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
  for (const member of members) {
    const { x, y } = places.get(member.name)!;
    const group = draw("g", { class: `member ${member.status}` });
    group.append(
      draw("circle", { cx: x, cy: y, r: 44 }),
      draw("text", { x, y: y - 8, class: "name" }, member.name.length > 12 ? `${member.name.slice(0, 11)}…` : member.name),
      draw("text", { x, y: y + 10 }, member.status),
      draw("text", { x, y: y + 27, class: "small" }, number(member.entries)),
    );
    svg.append(group);
  }
  box.replaceChildren(svg);
}

/** The height of the picture and where the middle of its circle lies: an odd number of members leaves the bottom empty. */
function extent(count: number, radius: number): [height: number, middle: number] {
  const heights = Array.from({ length: count }, (_, i) => -Math.cos((2 * Math.PI * i) / count) * radius);
  const edge = 54;
  return [Math.max(...heights) - Math.min(...heights) + 2 * edge, edge - Math.min(...heights)];
}

function members(list: Member[]): void {
  at("members").replaceChildren(
    ...list.map((member) => {
      const row = make("tr");
      const name = make("th", "", member.name);
      name.scope = "row";
      if (member.self) name.append(make("span", "badge", "this one"));
      const status = make("td");
      status.append(make("span", `status ${member.status}`, member.status));
      row.append(name, status, make("td", "n", number(member.entries)));
      return row;
    }),
  );
}

function matrix({ members, pairs }: Cluster): void {
  const names = members.map((member) => member.name);
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
  at("events").replaceChildren(
    ...events.map((event) => {
      const item = make("li");
      const time = make("time", "", clock(event.at));
      time.dateTime = new Date(event.at).toISOString();
      item.append(time, make("span", `what ${event.what}`, event.what.replace("_", " ")), make("b", "", event.node), ` ${event.detail}`);
      return item;
    }),
  );
}
