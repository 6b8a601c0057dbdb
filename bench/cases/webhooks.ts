// Webhooks a second under a flood to a receiver that takes them.

import { join } from 'node:path';
import { createApiClient } from '../api-client.ts';
import type { BenchCase } from '../figures.ts';
import { checkAll, lastEndMs, untilAllEnded } from '../ledger.ts';
import { events, webhookEvent } from '../payloads.ts';
import { startProgram } from '../processes.ts';
import { keepProfile } from '../profile.ts';
import { startTem } from '../tem.ts';
import { watchWork } from '../work.ts';

const EVENTS = 20_000;
const TIMEOUT_MS = 600_000;

export const webhooks: BenchCase = {
  id: 'webhooks',
  title: 'Webhooks under a flood of 20,000',
  about:
    'To a receiver on the same machine, in a process of its own, that answers 200; accepted through the API in calls of 10,000, from the first call to the last PROCESSED.',
  figures: [
    { id: 'webhooks', label: 'webhooks', unit: 'events/s', target: { atLeast: 500 } },
    { id: 'repeats', label: 'requests beyond one an event', unit: 'requests' },
  ],
  async run(context) {
    const target = startProgram(
      new URL('../load/webhook-target.ts', import.meta.url),
      { status: 200 },
      join(context.folder, 'target.log'),
    );
    const { url } = await target.ready;
    const tem = await startTem(context);
    const api = createApiClient(tem.apiUrl);
    try {
      const count = context.count(EVENTS, 500);
      const flood = events(count, (index) => webhookEvent(String(url), index));
      const work = watchWork(tem);
      const startedAtMs = Date.now();
      await api.postBatches(flood);
      await untilAllEnded(tem.pool, TIMEOUT_MS);
      const seconds = ((await lastEndMs(tem.pool, 'webhook')) - startedAtMs) / 1_000;
      const notes = await work(count);
      await checkAll(tem.pool, 'webhook', 'PROCESSED', count);
      target.send({ done: true });
      const { received } = await target.result;
      await tem.stopWorker();
      return {
        figures: { webhooks: count / seconds, repeats: Number(received) - count },
        notes,
        ...keepProfile(context, tem),
      };
    } finally {
      await target.stop();
      await api.close();
      await tem.stop();
    }
  },
};
