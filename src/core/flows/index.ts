// Flow limits: what may run how often and how many at once, over all workers, changed while they run.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Listener } from '../ledger/listener.ts';
import { Admission } from './admission.ts';
import { createFlowBook } from './book.ts';
import { Flows } from './flows.ts';
import { Gates } from './gates.ts';
import { groupsOf } from './store.ts';

export type { Flows, TakeOptions } from './flows.ts';
export type { Flow, Rate, RatePer } from './rules.ts';
export type { Leave } from './stays.ts';
export { deleteFlow, type FlowRow, getFlow, isFlowType, listFlows, putFlow } from './store.ts';
export { type FlowWaiting, whyWaiting } from './waiting.ts';

export interface WorkerFlows {
  /** For a feature's own calls. */
  flows: Flows;
  /** For the relay and for attempts. */
  admission: Admission;
  onChange(listener: () => void): void;
  /** Resolves when the flows have been read. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createWorkerFlows(options: {
  workerId: string;
  pool: Pool;
  listener: Listener;
  log: Logger;
}): WorkerFlows {
  const { workerId, pool, listener, log } = options;
  const book = createFlowBook(pool, listener, log);
  const gates = new Gates({ workerId, pool, book });
  const ofGroups = (ids: readonly string[]) => groupsOf(pool, ids);
  const flows = new Flows({ gates, book, groupsOf: ofGroups, log });
  const admission = new Admission({ flows, gates, book, groupsOf: ofGroups });
  return {
    flows,
    admission,
    onChange: book.onChange,
    start: book.start,
    async stop() {
      await flows.stop();
      await book.stop();
    },
  };
}
