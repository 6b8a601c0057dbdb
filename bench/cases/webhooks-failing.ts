// 20,000 webhooks whose target always fails, until each is EXTINCT, with notifications beside them.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { type ApiClient, createApiClient } from '../api-client.ts';
import { type BenchCase, percentile } from '../figures.ts';
import { checkAll, lastEndMs, untilAllEnded } from '../ledger.ts';
import { events, notificationEvent, webhookEvent } from '../payloads.ts';
import { startProgram } from '../processes.ts';
import { keepProfile } from '../profile.ts';
import { startTem } from '../tem.ts';
import { watchWork } from '../work.ts';

const EVENTS = 20_000;
const USERS = 100;
const NOTIFICATION_EVERY_MS = 100;
const TIMEOUT_MS = 1_800_000;

export const webhooksFailing: BenchCase = {
  id: 'webhooks-failing',
  title: '20,000 webhooks whose target answers 500',
  about:
    "With the type's own policy: 5 attempts, waits of 10, 20, 40 and 80 s (which overlap between events) with jitter. Attempts a second: all attempts in the ledger over the time from the first accept call to the last EXTINCT, waits included. Beside them a notification every 100 ms from the first call on, from the start of its request to PROCESSED.",
  runsByDefault: 1,
  figures: [
    { id: 'attempts', label: 'attempts until EXTINCT', unit: 'attempts/s', target: { atLeast: 300 } },
    { id: 'notificationP50', label: 'notifications beside them, p50', unit: 'ms' },
    { id: 'notificationP99', label: 'notifications beside them, p99', unit: 'ms', target: { atMost: 1_000 } },
    { id: 'seconds', label: 'accept to the last EXTINCT', unit: 's' },
  ],
  async run(context) {
    const target = startProgram(
      new URL('../load/webhook-target.ts', import.meta.url),
      { status: 500 },
      join(context.folder, 'target.log'),
    );
    const { url } = await target.ready;
    const tem = await startTem(context);
    const api = createApiClient(tem.apiUrl);
    try {
      const count = context.count(EVENTS, 200);
      const flood = events(count, (index) => webhookEvent(String(url), index));
      const work = watchWork(tem);
      const startedAtMs = Date.now();
      await api.postBatches(flood);
      const beside = notificationsBeside(api);
      await untilExtinct(tem.pool, count);
      const sentAtMs = await beside.stop();
      await untilAllEnded(tem.pool, TIMEOUT_MS);
      const seconds = ((await lastEndMs(tem.pool, 'webhook')) - startedAtMs) / 1_000;
      await checkAll(tem.pool, 'webhook', 'EXTINCT', count);
      const attempts = await attemptsMade(tem.pool);
      const latencies = await latenciesOf(tem.pool, sentAtMs);
      const notes = await work(attempts, '', 'attempt');
      target.send({ done: true });
      const { received } = await target.result;
      await tem.stopWorker();
      return {
        figures: {
          attempts: attempts / seconds,
          seconds,
          notificationP50: percentile(latencies, 0.5),
          notificationP99: percentile(latencies, 0.99),
        },
        notes: {
          ...notes,
          'requests at the target': Number(received),
          notifications: latencies.length,
        },
        ...keepProfile(context, tem),
      };
    } finally {
      await target.stop();
      await api.close();
      await tem.stop();
    }
  },
};

/** Sends a notification at every tick, each on its own, also while earlier ones wait for their answer. */
function notificationsBeside(api: ApiClient): { stop(): Promise<Map<string, number>> } {
  const sentAtMs = new Map<string, number>();
  const open = new Set<Promise<void>>();
  let failure: Error | undefined;
  let number = 0;
  const timer = setInterval(() => {
    const startedAtMs = performance.timeOrigin + performance.now();
    const sending = api
      .post(notificationEvent(`user-${number++ % USERS}`))
      .then((id) => void sentAtMs.set(id, startedAtMs))
      .catch((error: Error) => {
        failure ??= error;
      })
      .finally(() => open.delete(sending));
    open.add(sending);
  }, NOTIFICATION_EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      if (failure) throw failure;
      return sentAtMs;
    },
  };
}

async function untilExtinct(pool: Pool, count: number): Promise<void> {
  const giveUpAt = performance.now() + TIMEOUT_MS;
  for (;;) {
    const { rows } = await pool.query<{ open: boolean }>(
      `select exists (select from tem.event where type = 'webhook' and state in ('QUEUED', 'PROCESSING', 'FAILED')) as open`,
    );
    if (!rows[0]?.open) return;
    if (performance.now() > giveUpAt) throw new Error(`${count} webhooks have not ended within ${TIMEOUT_MS} ms`);
    await delay(1_000);
  }
}

async function attemptsMade(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ attempts: number }>(
    `select sum(retry_count)::int as attempts from tem.event where type = 'webhook'`,
  );
  return rows[0]?.attempts ?? 0;
}

async function latenciesOf(pool: Pool, sentAtMs: ReadonlyMap<string, number>): Promise<number[]> {
  const { rows } = await pool.query<{ id: string; at: number }>(
    'select id, extract(epoch from processed_at)::float8 * 1000 as at from tem.event where id = any($1)',
    [[...sentAtMs.keys()]],
  );
  return rows.map(({ id, at }) => at - (sentAtMs.get(id) ?? Number.NaN));
}
