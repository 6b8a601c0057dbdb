// A worker's figures: what came of its attempts, on a port of its own, and handed on by the API.

import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startApi } from '../../src/api/server.ts';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { freePort } from '../../src/services/ports.ts';
import { startWorker } from '../../src/workers/process.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testConfig } from '../support/environment.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

test('attempts are counted by outcome and timed, and the API hands the figures on beside its own', async () => {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const port = await freePort(0);
  const url = `http://127.0.0.1:${port}/metrics`;
  const config = testConfig(database, temporal, { TEM_METRICS_PORT: String(port), TEM_METRICS_FROM: url });
  const log = pino({ level: 'silent' });
  const [api, worker] = [await startApi(config, log), await startWorker(config, log)];
  onTestFinished(async () => {
    await Promise.all([api.stop(), worker.stop()]);
  });
  const text = async (): Promise<string> => (await fetch(url)).text();
  await acceptEvents(database.pool, [
    { type: 'notification', payload: { user: 'ada', title: 'a', body: '' }, source: 'test' },
    { type: 'webhook', payload: { url: 'http://10.0.0.1/', body: 1 }, source: 'test' },
  ]);
  const counted = /tem_worker_attempts_total\{type="notification",outcome="processed"\} 1/;
  await waitFor(async () => counted.test(await text()) || undefined);
  await waitFor(
    async () => /attempts_total\{type="webhook",outcome="(extinct|settle)"\} 1/.test(await text()) || undefined,
  );
  expect(await text()).toMatch(/tem_worker_attempt_duration_seconds_count\{type="notification"\} 1/);
  expect(await text()).toMatch(/tem_worker_connections\{pool="core",state="idle"\} \d/);
  const ofApi = await fetch(`${api.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const both = await ofApi.text();
  expect(both).toMatch(counted);
  const names = [...both.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(new Set(names).size).toBe(names.length);
});
