import uPlot from "uplot";

const HUES = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"];
const HEIGHT = 150;

// A chart that has just begun spans this much, so that it has times to read and does not race.
const LEAST_SECONDS = 120;

/** Lines over the last minutes. A line may be missing at a time: nothing was heard then, and nothing is made up. */
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
          x: { range: (_, min, max) => [Math.min(min, max - LEAST_SECONDS), max] },
          y: { range: (_, __, max) => [0, Math.max(4, Math.ceil((max || 0) * 1.15))] },
        },
        axes: [
          { ...axis, space: 60, size: 28, incrs: [60, 120, 300, 600], values: (_, ticks) => ticks.map((t) => new Date(t * 1000).toTimeString().slice(0, 5)) },
          { ...axis, size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000] },
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

  /** The colour of a line, for what stands beside the chart; nothing for what has no line. */
  colourOf(name: string): string {
    const i = this.#names.indexOf(name);
    return i < 0 ? "" : `var(${HUES[i % HUES.length]})`;
  }

  /** A chart that was hidden has no width; once shown it is drawn. */
  shown(): void {
    this.#rebuild();
  }
}
