// Notifications a second under a flood, with what a plain handler does on the same Postgres beside it.

import { join } from 'node:path';
import { createApiClient } from '../api-client.ts';
import type { BenchCase } from '../figures.ts';
import { checkAll, lastEndMs, untilAllEnded } from '../ledger.ts';
import { events, notificationEvent } from '../payloads.ts';
import { startProgram } from '../processes.ts';
import { keepProfile } from '../profile.ts';
import { startTem } from '../tem.ts';
import { watchWork } from '../work.ts';

const EVENTS = 50_000;
const USERS = 1_000;
const TIMEOUT_MS = 600_000;
// The same number as a worker's connections for handlers.
const PLAIN_CONNECTIONS = 10;
const PLAIN_SECONDS = 10;

export const notifications: BenchCase = {
  id: 'notifications',
  title: 'Notifications under a flood of 50,000',
  about:
    'Accepted through the API in calls of 10,000 for 1,000 users; from the first call to the last PROCESSED. Beside it, before the worker starts: transactions of a plain handler (begin; select for update, insert, update; commit) from Node on the same Postgres over 10 connections.',
  figures: [
    { id: 'tem', label: 'notifications', unit: 'events/s', target: { atLeast: 1_500 } },
    { id: 'plain', label: 'a plain three-statement handler', unit: 'transactions/s' },
  ],
  async run(context) {
    const tem = await startTem(context, { worker: false });
    const api = createApiClient(tem.apiUrl);
    try {
      const plain = startProgram(
        new URL('../peers/plain-handler.ts', import.meta.url),
        { databaseUrl: tem.databaseUrl, connections: PLAIN_CONNECTIONS, seconds: context.count(PLAIN_SECONDS, 2) },
        join(context.folder, 'plain.log'),
      );
      const { perSecond: plainPerSecond } = await plain.result;
      await tem.startWorker();

      const count = context.count(EVENTS, 2_000);
      const flood = events(count, (index) => notificationEvent(`user-${index % USERS}`));
      const work = watchWork(tem);
      const startedAtMs = Date.now();
      await api.postBatches(flood);
      await untilAllEnded(tem.pool, TIMEOUT_MS);
      const seconds = ((await lastEndMs(tem.pool, 'notification')) - startedAtMs) / 1_000;
      const notes = await work(count);
      await checkAll(tem.pool, 'notification', 'PROCESSED', count);
      await tem.stopWorker();
      return { figures: { tem: count / seconds, plain: Number(plainPerSecond) }, notes, ...keepProfile(context, tem) };
    } finally {
      await api.close();
      await tem.stop();
    }
  },
};
