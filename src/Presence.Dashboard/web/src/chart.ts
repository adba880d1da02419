import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { time } from "./dom";

const HEIGHT = 190;
const HUES = ["--c1", "--c2", "--c3"];

/** Lines over time, with a legend that shows the values under the pointer. */
export class Chart {
  #plot: uPlot | null = null;
  #data: uPlot.AlignedData = [[]];

  constructor(private readonly box: HTMLElement, private readonly names: string[]) {
    new ResizeObserver(() => {
      if (this.#plot) this.#plot.setSize({ width: box.clientWidth, height: HEIGHT });
      else this.#build();
    }).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#build());
  }

  /**
   * Draws points; a line is broken where points are missing.
   * @param step seconds between two points @param times seconds since 1970
   * @param points for each time, the values in the order of the names
   */
  show(step: number, times: number[], points: number[][]): void {
    const at: number[] = [];
    const lines: (number | null)[][] = this.names.map(() => []);
    times.forEach((time, i) => {
      const last = at.at(-1);
      if (last !== undefined && time - last > step) {
        at.push(last + step);
        for (const line of lines) line.push(null);
      }
      at.push(time);
      lines.forEach((line, n) => line.push(points[i]![n]!));
    });
    this.#data = [at, ...lines];
    if (this.#plot) this.#plot.setData(this.#data);
    else this.#build();
  }

  #build(): void {
    this.#plot?.destroy();
    this.#plot = null;
    if (this.box.clientWidth === 0 || this.#data.length === 1) return;
    const css = getComputedStyle(document.documentElement);
    const colour = (name: string) => css.getPropertyValue(name).trim();
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const number = (n: number | null) => n?.toLocaleString("en", { maximumFractionDigits: n < 10 ? 2 : 0 }) ?? "–";
    this.#plot = new uPlot(
      {
        width: this.box.clientWidth,
        height: HEIGHT,
        padding: [8, 24, 0, 0],
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { y: { range: (_, __, max) => [0, Math.max(1, (max || 0) * 1.15)] } },
        axes: [
          { ...axis, space: 64, values: (_, ticks) => ticks.map((t) => new Date(t * 1000).toTimeString().slice(0, 5)) },
          { ...axis, size: 62, values: (_, ticks) => ticks.map(number) },
        ],
        series: [
          { label: "Time", value: (_, at) => (at ? time(at * 1000) : "–") },
          ...this.names.map((label, i) => ({
            label,
            stroke: colour(HUES[i]!),
            width: 2,
            points: { show: this.#data[0]!.length < 3 },
            value: (_: uPlot, n: number | null) => number(n),
          })),
        ],
      },
      this.#data,
      this.box,
    );
  }
}
