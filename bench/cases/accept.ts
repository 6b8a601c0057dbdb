// How fast the API accepts: single events over 50 connections, and batches of 10,000, while the worker works on them.

import { join } from 'node:path';
import { createApiClient } from '../api-client.ts';
import type { BenchContext } from '../context.ts';
import type { BenchCase } from '../figures.ts';
import { events, noopEvent } from '../payloads.ts';
import { startProgram } from '../processes.ts';
import { ADMIN_KEY, startTem, type Tem } from '../tem.ts';
import { watchWork } from '../work.ts';

const CONNECTIONS = 50;
const SECONDS = 10;
const WARM_UP_SECONDS = 2;
const BATCHES = 5;
const BATCH = 10_000;

export const accept: BenchCase = {
  id: 'accept',
  title: 'Accepting over HTTP',
  about:
    'Single POST /v1/events over 50 keep-alive connections for 10 s, from a process of its own, after 2 s to warm up; only answers of 202 count. Then 5 calls of POST /v1/events/batch with 10,000 events each, one after the other. The worker runs and handles the events meanwhile, each in its own workflow.',
  figures: [
    { id: 'post', label: 'POST /v1/events, 50 connections', unit: 'accepted/s', target: { atLeast: 1_500 } },
    { id: 'postP99', label: 'its answer, p99', unit: 'ms' },
    { id: 'batch', label: 'POST /v1/events/batch of 10,000', unit: 'accepted/s', target: { atLeast: 10_000 } },
  ],
  async run(context) {
    const tem = await startTem(context);
    try {
      const worked = watchWork(tem);
      const single = await post(context, tem);
      const batch = await postBatches(context, tem);
      return {
        figures: { post: single.perSecond, postP99: single.p99Ms, batch: batch.perSecond },
        notes: {
          'single events accepted': single.accepted,
          'other answers': single.refused,
          ...(await worked(single.accepted + batch.accepted)),
        },
      };
    } finally {
      await tem.stop();
    }
  },
};

async function post(
  context: BenchContext,
  tem: Tem,
): Promise<Record<'perSecond' | 'p99Ms' | 'accepted' | 'refused', number>> {
  const program = startProgram(
    new URL('../load/post-events.ts', import.meta.url),
    {
      url: tem.apiUrl,
      adminKey: ADMIN_KEY,
      connections: CONNECTIONS,
      event: noopEvent(),
      warmUpSeconds: context.count(WARM_UP_SECONDS, 1),
      seconds: context.count(SECONDS, 2),
    },
    join(context.folder, 'post.log'),
  );
  return (await program.result) as Record<'perSecond' | 'p99Ms' | 'accepted' | 'refused', number>;
}

async function postBatches(context: BenchContext, tem: Tem): Promise<Record<'perSecond' | 'accepted', number>> {
  const api = createApiClient(tem.apiUrl);
  try {
    const batch = events(context.count(BATCH, 1_000), noopEvent);
    await api.postBatches(batch);
    const startedAt = performance.now();
    for (let index = 0; index < BATCHES; index++) await api.postBatches(batch);
    const perSecond = (BATCHES * batch.length) / ((performance.now() - startedAt) / 1_000);
    // One more to warm up.
    return { perSecond, accepted: (BATCHES + 1) * batch.length };
  } finally {
    await api.close();
  }
}
