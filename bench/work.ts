// A span of work on a running TEM: how long, what each process needed of the processors, what Temporal and the relays
// counted meanwhile.

import { batchShare, eagerShare, relayCounters } from './ledger.ts';
import type { Tem } from './tem.ts';
import { countWorkflows } from './temporal-counts.ts';

type Notes = Record<string, string | number>;

/** Begins to watch; the returned function ends it and says what `count` of them cost, for the notes of a case. */
export function watchWork(tem: Tem): (count: number, prefix?: string, unit?: 'event' | 'attempt') => Promise<Notes> {
  const before = tem.processor();
  tem.workUs.from = monotonicUs();
  return async (count, prefix = '', unit = 'event') => {
    const after = tem.processor();
    tem.workUs.to = monotonicUs();
    const spent = Object.entries(after).map(
      ([name, ms]) => `${name} ${((ms - (before[name] ?? 0)) / count).toFixed(2)}`,
    );
    const counters = await relayCounters(tem.pool);
    const workflows = await countWorkflows(tem.temporalAddress, 'default', ['event', 'eventBatch']);
    return {
      [`${prefix}${unit}s`]: count,
      [`${prefix}workflows that Temporal counted`]: `event ${workflows.event}, eventBatch ${workflows.eventBatch}`,
      [`${prefix}started eagerly`]: eagerShare(counters),
      [`${prefix}run in batches`]: batchShare(counters),
      [`${prefix}processor ms per ${unit}`]: spent.join(', '),
    };
  };
}

/** The clock of Node's profiler too. */
function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
