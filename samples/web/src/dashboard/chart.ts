import uPlot from "uplot";

const HUES = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"];
const HEIGHT = 150;

// The minimum time span: a new chart has labels and does not rescale quickly.
const MIN_SECONDS = 120;

/** Lines over the last minutes, with gaps where no value is known. */
export class Chart {
  #plot: uPlot | null = null;
  #names: string[] = [];
  #data: uPlot.AlignedData = [[]];

  constructor(private readonly box: HTMLElement) {
    new ResizeObserver(() => this.#plot?.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
  }

  /** @param times seconds since 1970 @param lines by name, the most important first */
  show(times: number[], lines: Map<string, (number | null)[]>): void {
    const names = [...lines.keys()];
    this.#data = [times, ...lines.values()];
    if (!this.#plot || names.join("\n") !== this.#names.join("\n")) {
      this.#names = names;
      this.#rebuild();
    } else if (this.box.clientWidth > 0) {
      this.#plot.setData(this.#data);
    }
  }

  #rebuild(): void {
    this.#plot?.destroy();
    this.#plot = null;
    if (this.#names.length === 0 || this.box.clientWidth === 0) return;
    const css = getComputedStyle(document.documentElement);
    const colour = (name: string) => css.getPropertyValue(name).trim();
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    this.#plot = new uPlot(
      {
        width: this.box.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 8, 0, 0],
        scales: {
          x: { range: (_, min, max) => [Math.min(min, max - MIN_SECONDS), max] },
          y: { range: (_, __, max) => [0, Math.max(4, Math.ceil((max || 0) * 1.15))] },
        },
        axes: [
          {
            ...axis,
            space: 60,
            size: 28,
            incrs: [60, 120, 300, 600],
            values: (_, ticks) => ticks.map((t) => new Date(t * 1000).toTimeString().slice(0, 5)),
          },
          {
            ...axis,
            size: 46,
            incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000],
            values: (_, ticks) => ticks.map((n) => n.toLocaleString("en")),
          },
        ],
        series: [
          {},
          ...this.#names.map((name, i) => ({
            label: name,
            stroke: colour(HUES[i % HUES.length]!),
            width: 2,
            points: { show: false },
            ...(this.#names.length === 1 ? { fill: colour("--c1-fill") } : {}),
          })),
        ],
      },
      this.#data,
      this.box,
    );
  }

  /** Returns the colour of a line, for the list beside the chart; empty if there is no such line. */
  colourOf(name: string): string {
    const i = this.#names.indexOf(name);
    return i < 0 ? "" : `var(${HUES[i % HUES.length]})`;
  }

  /** Draws the chart after it was hidden, when it had no width. */
  shown(): void {
    this.#rebuild();
  }
}
