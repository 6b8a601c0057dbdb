// What a delivery withstands, and how it is asked for: workers and connections that die, many recipients, retention, a
// schedule, a shell.

import { beforeAll, expect, test } from 'vitest';
import { pruneReports } from '../../../src/features/reports/prune.ts';
import { ADMIN_KEY } from '../../support/environment.ts';
import { runTem } from '../../support/processes.ts';
import { waitFor } from '../../support/wait.ts';
import { type Json, startMailServer, startSystem } from './system.ts';

let tem: Awaited<ReturnType<typeof startSystem>>;
let mail: Awaited<ReturnType<typeof startMailServer>>;

beforeAll(async () => {
  mail = await startMailServer();
  tem = await startSystem({
    settings: { TEM_SMTP_URL: mail.url, TEM_MAIL_FROM: 'Reports <reports@example.com>' },
  });
}, 120_000);

test('a worker killed while it builds a report: another one builds it, and it is mailed once', async () => {
  await tem.put('built', {
    sql: 'select n, pg_sleep(0.1) from generate_series(1, 40) n',
    recipients: ['built@example.com'],
  });
  const running = tem.run('built');
  await waitFor(async () => {
    const { rows } = await tem.database.pool.query(
      `select from pg_stat_activity where application_name = 'tem report' and wait_event = 'PgSleep'
       and datname = current_database()`,
    );
    return rows.length > 0;
  });
  await tem.replaceWorker();
  const { event, delivery } = await running;
  expect(event).toMatchObject({ state: 'PROCESSED', result: { rows: 40, sent: 1 } });
  expect(delivery).toMatchObject({ state: 'sent', rows: 40 });
  expect((await tem.file(delivery.id)).toString().split('\r\n')).toHaveLength(42);
  expect(mail.mails.filter(({ to }) => to.includes('built@example.com'))).toHaveLength(1);
}, 120_000);

test('a connection that is cut before the answer to a mail: it comes again, the same to the last byte', async () => {
  let isCut = false;
  mail.beforeAnswer(async ({ to }) => {
    if (!to.includes('cut@example.com') || isCut) return;
    isCut = true;
    mail.cut();
  });
  await tem.put('cut', { sql: 'select 1 as n', recipients: ['cut@example.com'] });
  const { delivery } = await tem.run('cut');
  expect(delivery.recipients).toMatchObject([{ address: 'cut@example.com', state: 'sent', tries: 2 }]);
  const received = mail.mails.filter(({ to }) => to.includes('cut@example.com'));
  expect(received).toHaveLength(2);
  expect(received[0]?.raw).toBe(received[1]?.raw);
}, 120_000);

test('two workers on one delivery: what the first had sent may come twice, and it sends nothing more', async () => {
  const recipients = Array.from({ length: 150 }, (_, n) => `both${n}@example.com`);
  let frozen: Promise<() => Promise<void>> | undefined;
  // The server has its first message, for a hundred of them; it never sees the answer in time.
  mail.beforeAnswer(async ({ to }) => {
    if (to.includes('both0@example.com')) frozen ??= tem.freezeWorker();
  });
  await tem.put('both', { sql: 'select 1 as n', recipients });
  const { event } = await tem.run('both');
  expect(event).toMatchObject({ state: 'PROCESSED', result: { sent: 150, refused: 0 } });
  // Now the first wakes up within its loop over recipients, and ends as a stopping worker does.
  await (await frozen)?.();
  const mails = mail.mails.filter(({ to }) => to.some((address) => address.startsWith('both')));
  expect(mails.map(({ to }) => to.length)).toEqual([100, 100, 50]);
  expect(mails[0]?.raw).toBe(mails[1]?.raw);
  expect(new Set(mails.map(({ raw }) => /^message-id: .*$/im.exec(raw)?.[0])).size).toBe(1);
  expect(await tem.deliveries('both')).toMatchObject([{ state: 'sent', recipients: { length: 150 } }]);
  expect(await tem.ok('GET', `/v1/events/${event.id}`)).toMatchObject({ state: 'PROCESSED', result: { sent: 150 } });
}, 120_000);

test('500 recipients get one mail each', async () => {
  const recipients = Array.from({ length: 500 }, (_, n) => `"Kaya, ${n}" <person${n}@example.com>`);
  await tem.put('everybody', { sql: 'select 1 as n', recipients });
  const { event } = await tem.run('everybody');
  expect(event).toMatchObject({ state: 'PROCESSED', result: { sent: 500, refused: 0 } });
  const reached = mail.mails.flatMap(({ to }) => to).filter((address) => address.startsWith('person'));
  expect(reached).toHaveLength(500);
  expect(new Set(reached).size).toBe(500);
}, 120_000);

test('a file whose time is over is gone, and its delivery stays', async () => {
  await tem.put('old', { sql: 'select 1 as n' });
  const { delivery } = await tem.run('old');
  const { pool } = tem.database;
  await pool.query(`update tem.report_delivery set file_until = now() - interval '1 s' where id = $1`, [delivery.id]);
  await pruneReports(pool, { retentionMs: 3_600_000 });
  expect((await tem.fetched('GET', `/v1/report-deliveries/${delivery.id}/file`)).status).toBe(404);
  const { rows } = await pool.query(
    'select from tem.report_chunk c join tem.report_file f on f.id = c.file where f.delivery = $1',
    [delivery.id],
  );
  expect(rows).toHaveLength(0);
  expect(await tem.deliveries('old')).toMatchObject([{ id: delivery.id, state: 'kept', rows: 1 }]);
});

test('a schedule runs a report at its time', async () => {
  await tem.put('scheduled', { sql: 'select 1 as n' });
  await tem.ok('POST', '/v1/schedules', {
    id: 'scheduled',
    every: '2s',
    timeZone: 'UTC',
    type: 'report',
    payload: { report: 'scheduled' },
    overlap: 'skip',
    catchupWindow: '1h',
  });
  const [delivery] = await waitFor(async () => {
    const found = await tem.deliveries('scheduled');
    return found.some(({ state }: Json) => state === 'kept') && found.filter(({ state }: Json) => state === 'kept');
  });
  expect((await tem.ok('GET', `/v1/events/${delivery.event}`)).key).toMatch(/^schedule\/scheduled\//);
  await tem.ok('POST', '/v1/schedules/scheduled/pause', { note: 'seen' });
}, 60_000);

test('tem reports does it from a shell', async () => {
  const shell = (...args: string[]) =>
    runTem(['reports', ...args], { TEM_API_URL: tem.api.url, TEM_ADMIN_KEY: ADMIN_KEY });
  const definition = {
    title: 'From a shell',
    source: 'ledger',
    sql: `select 'ş' as letter`,
    format: 'csv',
    recipients: [],
  };
  expect(await shell('put', 'shell', JSON.stringify(definition))).toMatchObject({ code: 0, stdout: 'shell created\n' });
  expect((await shell('list')).stdout).toContain('shell\tcsv\tledger\tFrom a shell\n');
  expect(JSON.parse((await shell('show', 'shell')).stdout)).toEqual(definition);
  expect((await shell('run', 'shell', '--dry-run')).stdout).toBe('letter\nş\n');
  expect((await shell('run', 'shell')).stdout).toMatch(/^[0-9a-f-]{36} accepted\n$/);
  await waitFor(async () => (await shell('deliveries', 'shell')).stdout.includes('\tkept\t1 rows'), 60_000);
  expect((await shell('show', 'nothing')).code).not.toBe(0);
}, 120_000);
