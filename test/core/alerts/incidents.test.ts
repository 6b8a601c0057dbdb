// Rule 22: what is wrong becomes one incident, which is told when it begins and when it ends, on ways that need no worker
// and no Temporal.

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { extract } from 'letterparser';
import { pino } from 'pino';
import { Webhook } from 'standardwebhooks';
import { Type } from 'typebox';
import { expect, onTestFinished, test } from 'vitest';
import { startApi } from '../../../src/api/server.ts';
import { readConfig } from '../../../src/config.ts';
import { listIncidents, watchIncidents } from '../../../src/core/alerts/index.ts';
import type { WatchOptions } from '../../../src/core/alerts/watch.ts';
import { defineEventType } from '../../../src/core/event-type.ts';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { registerWorker } from '../../../src/core/ledger/leases.ts';
import { createOutbound } from '../../../src/core/outbound/index.ts';
import { features } from '../../../src/features.ts';
import { startWorker } from '../../../src/workers/process.ts';
import { startMailServer } from '../../features/reports/system.ts';
import { setup as startReceiver } from '../../features/webhooks/receiver.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { ADMIN_KEY, testConfig, WEBHOOK_SECRET } from '../../support/environment.ts';
import { createNamespace } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';

const log = pino({ level: 'silent' });

test('events that end EXTINCT are told by a signed webhook and a mail, once, with samples and what to do', async () => {
  const [database, temporal, receiver, mail] = await Promise.all([
    createDatabase(),
    createNamespace(),
    startReceiver(),
    startMailServer(),
  ]);
  const config = testConfig(database, temporal, {
    TEM_ALERT_URL: receiver.url,
    TEM_ALERT_MAIL: 'ops@example.com second@example.com',
    TEM_SMTP_URL: mail.url,
    TEM_MAIL_FROM: 'TEM <tem@example.com>',
    TEM_ALERT_EXTINCT: '2/1h',
  });
  const [api, worker] = await Promise.all([startApi(config, log), startWorker(config, log)]);
  onTestFinished(async () => {
    await Promise.all([api.stop(), worker.stop()]);
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by their documented names
  const get = async (path: string): Promise<any> =>
    (await fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } })).json();
  const accepted = await acceptEvents(
    database.pool,
    [1, 2].map((body) => ({ type: 'webhook', payload: { url: 'http://10.0.0.1/', body }, source: 'test' })),
  );
  const ids = accepted.map((outcome) => (outcome as { id: string }).id).sort();
  const { alerts } = await waitFor(async () => {
    const answer = await get('/v1/alerts?open=true');
    return answer.alerts[0]?.told.every(({ state }: { state: string }) => state === 'told') ? answer : undefined;
  });
  expect(alerts).toMatchObject([
    {
      kind: 'extinct',
      subject: 'webhook',
      count: 2,
      endedAt: null,
      advice: expect.stringContaining('tem events show'),
    },
  ]);
  expect(alerts[0].samples.sort()).toEqual(ids);
  expect(receiver.received).toHaveLength(1);
  const { headers, body } = receiver.received[0]!;
  const told = new Webhook(WEBHOOK_SECRET).verify(body, headers as Record<string, string>);
  expect(told).toMatchObject({
    type: 'incident.began',
    data: { id: alerts[0].id, kind: 'extinct', subject: 'webhook', count: 2, endedAt: null },
  });
  expect(mail.mails).toHaveLength(1);
  expect(mail.mails[0]!.to).toEqual(['ops@example.com', 'second@example.com']);
  const parsed = extract(mail.mails[0]!.raw);
  expect(parsed.subject).toBe('[TEM] Incident: extinct webhook');
  for (const each of [...ids, 'What to do', alerts[0].id]) expect(parsed.text).toContain(each);
  await waitFor(
    async () => JSON.stringify((await get('/readyz')).warnings).includes('open incidents: extinct'),
    40_000,
  );
});

async function setup(
  database: TestDatabase,
  environment: Record<string, string>,
  options: Partial<WatchOptions> = {},
): Promise<{ incidents: (open?: boolean) => ReturnType<typeof listIncidents> }> {
  const config = readConfig({ TEM_WEBHOOK_SECRET: WEBHOOK_SECRET, ...environment });
  const outbound = createOutbound({ allow: [] });
  const { pool } = database;
  const watch = watchIncidents({
    id: randomUUID(),
    pool,
    config,
    features,
    shared: { config, pool, log, outbound },
    log,
    lookEveryMs: 50,
    endAfterMs: 200,
    tell: { triesMax: 3, baseMs: 20, capMs: 40 },
    ...options,
  });
  await watch.start();
  onTestFinished(async () => {
    await watch.stop();
    await outbound.close();
  });
  return { incidents: (open) => listIncidents(pool, { open, before: undefined, limit: 50 }) };
}

const leave = (database: TestDatabase, seconds: number) =>
  database.pool.query(
    `insert into tem.worker (id, started_at, lease_until, host, pid, task_queue, types)
     values (gen_random_uuid(), now() - interval '1 hour', now() - $1 * interval '1 s', 'test', 1, 'test', '{}')`,
    [seconds],
  );

test('a worker that is gone for a minute is told without one, and told again when it is back', async () => {
  const database = await createDatabase();
  let refusals = 2;
  const receiver = await startReceiver((response: ServerResponse) => {
    response.statusCode = refusals > 0 ? 503 : 204;
    refusals -= 1;
    response.end();
  });
  await leave(database, 50);
  const { incidents } = await setup(database, { TEM_ALERT_URL: receiver.url });
  await database.pool.query(`update tem.worker set lease_until = now() - interval '61 s'`);
  await waitFor(() => receiver.received.length === 3);
  await waitFor(async () => (await incidents(true))[0]?.told[0]?.state === 'told');
  expect(await incidents()).toMatchObject([
    { kind: 'no_worker', endedAt: null, told: [{ what: 'began', way: 'webhook', tries: 3, error: null }] },
  ]);
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  await database.pool.query(`update tem.worker set lease_until = now() + interval '1 hour', started_at = now()`);
  await waitFor(() => receiver.received.length === 4);
  expect(JSON.parse(receiver.received[3]!.body)).toMatchObject({
    type: 'incident.ended',
    data: { kind: 'no_worker', endedAt: expect.any(String) },
  });
  expect(await incidents(true)).toEqual([]);
});

test('who never answers is given up after a bounded number of tries, and that is kept', async () => {
  const database = await createDatabase();
  const receiver = await startReceiver((response: ServerResponse) => void response.writeHead(500).end());
  await leave(database, 3_600);
  const { incidents } = await setup(database, { TEM_ALERT_URL: receiver.url });
  await waitFor(async () => (await incidents())[0]?.told[0]?.state === 'given_up');
  expect((await incidents())[0]!.told).toMatchObject([{ tries: 3, error: 'HTTP 500', toldAt: null }]);
  expect(receiver.received).toHaveLength(3);
});

test('types say for themselves when their events are an incident, schedules and sweeps need no setting', async () => {
  const database = await createDatabase();
  const { pool } = database;
  const waiting = defineEventType({
    name: 'waiting',
    payload: Type.Unknown(),
    alert: { oldestQueued: '1s' },
    handle: () => null,
  });
  const patient = defineEventType({ name: 'patient', payload: Type.Unknown(), alert: {}, handle: () => null });
  await registerWorker(pool, { id: randomUUID(), host: 'test', pid: 1, taskQueue: 'test', types: [waiting, patient] });
  await acceptEvents(pool, [
    { type: 'waiting', payload: 1, source: 'test' },
    { type: 'patient', payload: 1, source: 'test' },
  ]);
  await pool.query(
    `update tem.event set created_at = now() - interval '3 minutes', run_at = now() - interval '3 minutes'`,
  );
  await pool.query(
    `insert into tem.schedule (id, cron, time_zone, type) values ('nightly', '0 3 * * *', 'UTC', 'waiting')`,
  );
  await pool.query(
    `insert into tem.schedule_run (schedule_id, at, outcome, until, count) values ('nightly', now() - interval '3 h', 'missed', now() - interval '30 min', 4)`,
  );
  await pool.query(
    `insert into tem.price_sweep (id, tiers, started_at, due, checked) values (gen_random_uuid(), '{1}', now() - interval '7 hours', 10, 3)`,
  );
  // That of a type goes before the setting, also where it says nothing of the matter.
  const { incidents } = await setup(database, { TEM_ALERT_OLDEST_QUEUED: '1m' });
  await waitFor(async () => (await incidents(true)).length === 3);
  const found = (await incidents(true)).sort((a, b) => (a.kind < b.kind ? -1 : 1));
  expect(found).toMatchObject([
    { kind: 'oldest_queued', subject: 'waiting', count: 1, samples: [expect.stringMatching(/^[0-9a-f-]{36}$/)] },
    { kind: 'schedules_missed', subject: '', count: 4, samples: ['nightly'] },
    { kind: 'sweep_not_ending', count: 7 },
  ]);
  expect(found[0]!.detail).toContain('due for 3 minutes');
});

test('what is set wrongly stops the start in words', () => {
  expect(() => readConfig({ TEM_ALERT_MAIL: 'ops@example.com' })).toThrow('TEM_ALERT_MAIL: needs TEM_SMTP_URL');
  expect(() => readConfig({ TEM_ALERT_EXTINCT: '10' })).toThrow("TEM_ALERT_EXTINCT: '' is not a duration");
  expect(() =>
    defineEventType({
      name: 'odd',
      payload: Type.Unknown(),
      alert: { extinct: { count: 0, window: '1h' } },
      handle: () => null,
    }),
  ).toThrow('event type "odd": alert.extinct.count must be a whole number');
});
