// Instants of the ledger's clock in this process's time. Of the answers of the last minute the quickest tells best.

const BEST_KEPT_MS = 60_000;

export interface LedgerClock {
  /** An answer that was asked for and came at these times (performance.now) was written at `ledgerMs` (Unix time). */
  observe(askedMs: number, answeredMs: number, ledgerMs: number): void;
  /** The time in this process (performance.now) of an instant of the ledger. */
  here(ledgerMs: number): number;
}

export function createLedgerClock(): LedgerClock {
  let aheadMs = 0;
  let tookMs = Number.POSITIVE_INFINITY;
  let atMs = 0;
  return {
    observe(askedMs, answeredMs, ledgerMs) {
      const took = answeredMs - askedMs;
      const ahead = ledgerMs - (askedMs + answeredMs) / 2;
      // It can't be further off than half of what the answer took: else one of the clocks was set.
      const wasSet = Math.abs(ahead - aheadMs) > (took + tookMs) / 2;
      if (took > tookMs && !wasSet && answeredMs - atMs < BEST_KEPT_MS) return;
      [aheadMs, tookMs, atMs] = [ahead, took, answeredMs];
    },
    here: (ledgerMs) => ledgerMs - aheadMs,
  };
}
