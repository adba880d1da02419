import type { Cluster } from "./messages";

const WINDOW_MS = 10_000;

/** Resumes per second of all nodes, by outcome, over the last ten seconds. */
export class ResumeRates {
  #samples: { at: number; totals: Record<string, number> }[] = [];

  after({ at, node_sessions }: Cluster): [outcome: string, perSecond: number, total: number][] {
    const totals: Record<string, number> = {};
    for (const { resumes } of Object.values(node_sessions)) {
      for (const [outcome, count] of Object.entries(resumes)) totals[outcome] = (totals[outcome] ?? 0) + count;
    }
    this.#samples.push({ at, totals });
    while (this.#samples.length > 2 && this.#samples[1]!.at <= at - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const seconds = (at - first.at) / 1000;
    return Object.entries(totals).sort(([a], [b]) => (a < b ? -1 : 1)).map(([outcome, total]) => {
      // A node that has started anew counts from zero; its report may also be late.
      const more = Math.max(0, total - (first.totals[outcome] ?? 0));
      return [outcome, seconds > 0 ? more / seconds : 0, total];
    });
  }
}
