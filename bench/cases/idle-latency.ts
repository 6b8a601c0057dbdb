// How long one event takes on an idle system, from the start of its request to PROCESSED.

import { setTimeout as delay } from 'node:timers/promises';
import { createApiClient } from '../api-client.ts';
import { type BenchCase, percentile } from '../figures.ts';
import { untilAllEnded } from '../ledger.ts';
import { noopEvent } from '../payloads.ts';
import { startTem } from '../tem.ts';
import { watchWork } from '../work.ts';

const EVENTS = 200;
const WARM_UP = 20;
// Of different lengths, so that every phase of the relay's sleep is met.
const PAUSE_MS_MIN = 30;
const PAUSE_MS_MAX = 170;
const TIMEOUT_MS = 30_000;

export const idleLatency: BenchCase = {
  id: 'idle-latency',
  title: 'Latency of one event at a time',
  about:
    '200 single POSTs, one after the other with pauses of 30 to 170 ms, after 20 to warm up; from the start of the request to `processed_at`, both by the clock of the same machine.',
  figures: [
    { id: 'p50', label: 'request to PROCESSED, p50', unit: 'ms', target: { atMost: 30 } },
    { id: 'p99', label: 'request to PROCESSED, p99', unit: 'ms', target: { atMost: 100 } },
  ],
  async run(context) {
    const tem = await startTem(context);
    const api = createApiClient(tem.apiUrl);
    try {
      const sentAtMs = new Map<string, number>();
      const count = context.count(EVENTS, 30);
      const work = watchWork(tem);
      for (let index = -WARM_UP; index < count; index++) {
        const startedAtMs = performance.timeOrigin + performance.now();
        const id = await api.post(noopEvent());
        if (index >= 0) sentAtMs.set(id, startedAtMs);
        await delay(PAUSE_MS_MIN + Math.random() * (PAUSE_MS_MAX - PAUSE_MS_MIN));
      }
      await untilAllEnded(tem.pool, TIMEOUT_MS);
      const { rows } = await tem.pool.query<{ id: string; at: number }>(
        'select id, extract(epoch from processed_at)::float8 * 1000 as at from tem.event where id = any($1)',
        [[...sentAtMs.keys()]],
      );
      const latencies = rows.map(({ id, at }) => at - (sentAtMs.get(id) ?? Number.NaN));
      const notes = await work(count + WARM_UP);
      return { figures: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) }, notes };
    } finally {
      await api.close();
      await tem.stop();
    }
  },
};
