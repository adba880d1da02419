import { draw, duration, keep, make, number, set } from "./dom";
import type { Cluster, Pair } from "./messages";

// More nodes are not readable as a circle; the table beside it shows the same.
const MOST_DRAWN = 12;
const LONGEST_NAME = 12;

/** The nodes in a circle with the lag between them. Only what differs is written while the nodes are the same. */
export class Picture {
  #nodes = new Map<string, { group: SVGElement; status: SVGElement; entries: SVGElement }>();
  #links: { ends: [string, string]; line: SVGElement; lag: SVGElement }[] = [];

  constructor(private readonly box: HTMLElement) {}

  show({ nodes, pairs }: Cluster): void {
    if (nodes.length > MOST_DRAWN) {
      keep(this.box, [{ id: "none", content: "", make: () => make("p", "soft", "Too many nodes for a picture; see the table.") }]);
      return;
    }
    const names = nodes.map((node) => node.name);
    const links = new Map<string, [string, string]>();
    for (const { from, to } of pairs) {
      const ends = [from, to].sort() as [string, string];
      if (from !== to && names.includes(from) && names.includes(to)) links.set(ends.join("\n"), ends);
    }
    keep(this.box, [{
      id: "picture",
      content: JSON.stringify([names, [...links.keys()].sort()]),
      make: () => {
        const box = make("div");
        box.append(this.#build(names, [...links.values()]));
        return box;
      },
    }]);
    this.box.querySelector("svg")!.setAttribute("aria-label", nodes.map((node) => `${node.name} ${node.status}`).join(", "));
    for (const node of nodes) {
      const { group, status, entries } = this.#nodes.get(node.name)!;
      group.setAttribute("class", `node ${node.status}`);
      set(status, node.status);
      set(entries, number(node.entries));
    }
    for (const { ends: [a, b], line, lag } of this.#links) {
      const views = pairs.filter((pair: Pair) => (pair.from === a && pair.to === b) || (pair.from === b && pair.to === a));
      const down = views.some((pair) => pair.status === "down");
      const most = Math.max(0, ...views.map((pair) => pair.lag_ms));
      line.setAttribute("class", `link ${down ? "down" : most >= 1000 ? "late" : "up"}`);
      set(lag, down ? "down" : most > 0 ? `${duration(most)} behind` : "in step");
    }
  }

  #build(names: string[], links: [string, string][]): SVGElement {
    const radius = names.length === 1 ? 0 : 118;
    const [height, middle] = extent(names.length, radius);
    const svg = draw("svg", { viewBox: `0 0 420 ${height}`, role: "img" });
    const places = new Map(
      names.map((name, i) => {
        const angle = (2 * Math.PI * i) / names.length - Math.PI / 2;
        return [name, { x: 210 + radius * 1.2 * Math.cos(angle), y: middle + radius * Math.sin(angle) }] as const;
      }),
    );
    this.#links = links.map((ends) => {
      const [a, b] = [places.get(ends[0])!, places.get(ends[1])!];
      const line = draw("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y });
      const lag = draw("text", { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 - 6, class: "lag" });
      svg.append(line, lag);
      return { ends, line, lag };
    });
    this.#nodes = new Map(names.map((name) => {
      const { x, y } = places.get(name)!;
      const [group, status, entries] = [draw("g", {}), draw("text", { x, y: y + 10 }), draw("text", { x, y: y + 27, class: "small" })];
      const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
      group.append(draw("title", {}, name), draw("circle", { cx: x, cy: y, r: 44 }), draw("text", { x, y: y - 8, class: "name" }, short), status, entries);
      svg.append(group);
      return [name, { group, status, entries }];
    }));
    return svg;
  }
}

/** The height of the picture and the center of its circle: an odd number of nodes leaves the bottom empty. */
function extent(count: number, radius: number): [height: number, middle: number] {
  const heights = Array.from({ length: count }, (_, i) => -Math.cos((2 * Math.PI * i) / count) * radius);
  const edge = 54;
  return [Math.max(...heights) - Math.min(...heights) + 2 * edge, edge - Math.min(...heights)];
}
