// What a worker says of the whole comparison, at its own /metrics.

import { Counter, Gauge, type Registry } from 'prom-client';

export interface ComparisonFigures {
  compared(tookMs: number, differed: number): void;
}

export function comparisonFigures(registry: Registry | undefined): ComparisonFigures {
  if (!registry) return { compared() {} };
  const registers = [registry];
  const took = new Gauge({
    name: 'tem_schedule_comparison_seconds',
    help: "How long the last comparison of all rows with Temporal's schedules took.",
    registers,
  });
  const count = new Counter({
    name: 'tem_schedule_comparisons_total',
    help: "Comparisons of all rows with Temporal's schedules.",
    registers,
  });
  const mended = new Counter({
    name: 'tem_schedule_differences_total',
    help: "Schedules that a comparison found different in Temporal's list, and looked at.",
    registers,
  });
  return {
    compared(tookMs, differed) {
      took.set(tookMs / 1_000);
      count.inc();
      mended.inc(differed);
    },
  };
}
