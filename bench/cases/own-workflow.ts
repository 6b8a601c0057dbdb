// Events a second, each its own workflow, with the naive design beside it.

import { createApiClient } from '../api-client.ts';
import type { BenchContext } from '../context.ts';
import type { BenchCase } from '../figures.ts';
import { checkAll, lastEndMs, untilAllEnded } from '../ledger.ts';
import { runLimit } from '../limit/run.ts';
import { runNaive } from '../naive/run.ts';
import { events, noopEvent } from '../payloads.ts';
import { keepProfile } from '../profile.ts';
import { startTem, type Tem } from '../tem.ts';
import { watchWork } from '../work.ts';

const EVENTS = 5_000;
const BATCH = 1_000;
const TIMEOUT_MS = 600_000;
// What the naive design and the bare workflow did on the machine of docs/decisions: 14 and 26 a second.
const NAIVE_TO_BARE = 14 / 26;
const TOLERANCE = 0.2;

export const ownWorkflow: BenchCase = {
  id: 'own-workflow',
  title: 'Events, each its own workflow',
  about:
    'TEM: 5,000 events of a type without `batch` whose handler does nothing, accepted through the API in calls of 1,000; from the first call to the last PROCESSED in the ledger. Naive: a workflow of three ordinary activities (mark, handle, mark), client and worker in one process, 50 in flight, on a development server with a database file; default flags, or WAL pragmas and GOGC=400. Bare: one ordinary activity that does nothing. Limit: a workflow of one local activity that does nothing, on TEM’s own Temporal once its worker has stopped, with the settings of TEM’s worker, started eagerly, as many in flight as TEM has slots; no ledger.',
  figures: [
    { id: 'tem', label: 'TEM, each its own workflow', unit: 'events/s' },
    { id: 'naive', label: 'naive design, default flags', unit: 'events/s' },
    { id: 'naiveTuned', label: 'naive design, tuned flags', unit: 'events/s' },
    { id: 'bare', label: 'bare workflow, default flags', unit: 'workflows/s' },
    { id: 'limit', label: 'limit: bare workflow, empty local activity, eager', unit: 'workflows/s' },
    { id: 'share', label: 'TEM to the limit', unit: 'times', target: { atLeast: 0.8 } },
    { id: 'ratio', label: 'TEM to naive, default flags', unit: 'times', target: { atLeast: 5 } },
    { id: 'ratioTuned', label: 'TEM to naive, tuned flags', unit: 'times', target: { atLeast: 2.5 } },
    {
      id: 'scaled',
      label: 'TEM, scaled to a machine where the naive design reaches 15',
      unit: 'events/s',
      target: { atLeast: 100 },
    },
    {
      id: 'naiveToBare',
      label: 'naive design to bare workflow (0.54 within 20 % expected)',
      unit: 'times',
      target: { atLeast: NAIVE_TO_BARE * (1 - TOLERANCE), atMost: NAIVE_TO_BARE * (1 + TOLERANCE) },
    },
  ],
  async run(context) {
    const tem = await measureTem(context);
    const naive = await runNaive(context, 'naive', 'default flags', context.count(300, 60));
    const naiveTuned = await runNaive(context, 'naive', 'tuned flags', context.count(600, 60));
    const bare = await runNaive(context, 'bare', 'default flags', context.count(400, 60));
    return {
      figures: {
        tem: tem.perSecond,
        naive: naive.perSecond,
        naiveTuned: naiveTuned.perSecond,
        bare: bare.perSecond,
        limit: tem.limitPerSecond,
        share: tem.perSecond / tem.limitPerSecond,
        ratio: tem.perSecond / naive.perSecond,
        ratioTuned: tem.perSecond / naiveTuned.perSecond,
        scaled: (tem.perSecond / naive.perSecond) * 15,
        naiveToBare: naive.perSecond / bare.perSecond,
      },
      notes: { ...tem.notes, ...naive.notes, ...naiveTuned.notes, ...bare.notes },
      ...(tem.texts && { texts: tem.texts }),
    };
  },
};

interface Measured {
  perSecond: number;
  notes: Record<string, string | number>;
  texts?: Record<string, string>;
}

async function measureTem(context: BenchContext): Promise<Measured & { limitPerSecond: number }> {
  const tem = await startTem(context);
  try {
    const measured = await floodWithOwnWorkflows(tem, context.count(EVENTS, 200));
    await tem.stopWorker();
    const limit = await runLimit(context, tem.temporalAddress);
    return {
      ...measured,
      ...keepProfile(context, tem),
      notes: { ...measured.notes, ...limit.notes },
      limitPerSecond: limit.perSecond,
    };
  } finally {
    await tem.stop();
  }
}

/** The same flood for every Temporal server that it is measured on. */
export async function floodWithOwnWorkflows(tem: Tem, count: number): Promise<Measured> {
  const api = createApiClient(tem.apiUrl);
  try {
    const work = watchWork(tem);
    const startedAtMs = Date.now();
    await api.postBatches(events(count, noopEvent), BATCH);
    await untilAllEnded(tem.pool, TIMEOUT_MS);
    const seconds = ((await lastEndMs(tem.pool, 'bench.noop')) - startedAtMs) / 1_000;
    const notes = await work(count, 'TEM: ');
    await checkAll(tem.pool, 'bench.noop', 'PROCESSED', count);
    return { perSecond: count / seconds, notes };
  } finally {
    await api.close();
  }
}
