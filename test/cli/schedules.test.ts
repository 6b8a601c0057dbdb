// `tem schedules` as processes against one API: what people type, what they read, and the exit codes.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { beforeAll, expect, test } from 'vitest';
import { startApi } from '../../src/api/server.ts';
import { atEnd } from '../support/at-end.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { testConfig, testEnvironment } from '../support/environment.ts';
import { makeHome } from '../support/home.ts';
import { runTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';

const TYPES = fileURLToPath(new URL('./schedule-types.ts', import.meta.url));
const TEST_TIMEOUT_MS = 120_000;

let database: TestDatabase;
let environment: Record<string, string>;
let folder = '';

beforeAll(async () => {
  database = await createDatabase();
  const temporal = await createNamespace();
  folder = await makeHome();
  const settings = { TEM_EVENT_TYPES: TYPES, TEM_HOME: folder };
  const api = await startApi(testConfig(database, temporal, settings), pino({ level: 'silent' }));
  atEnd(() => api.stop());
  environment = { ...testEnvironment(database, temporal, settings), TEM_API_URL: api.url };
});

async function schedules(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return runTem(['schedules', ...args], environment);
}

async function lines(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await schedules(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
async function json(...args: string[]): Promise<any> {
  return JSON.parse(await lines(...args, '--json'));
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const BERLIN = ['--time-zone', 'Europe/Berlin'];
const PAYLOAD = '{"user": "ada", "token": "token-4711", "text": "{{localDate}}"}';

test('a schedule from add to remove', { timeout: TEST_TIMEOUT_MS }, async () => {
  expect(await lines('list')).toBe('no schedules\n');
  const added = await json(
    'add',
    'morning',
    '--cron',
    '0 9 * * 1-5',
    ...BERLIN,
    '--type',
    'secret',
    '--payload',
    PAYLOAD,
  );
  expect(added).toMatchObject({ id: 'morning', overlap: 'skip', catchupWindow: '10m', jitter: '0s', paused: false });
  expect(added.payload).toEqual({ user: 'ada', token: '[secret]', text: '{{localDate}}' });

  // What is not given stays, the secret too.
  const edited = await json('edit', 'morning', '--every', '90s', '--overlap', 'bufferOne', '--note', 'quicker');
  expect(edited).toMatchObject({
    cron: null,
    every: '90s',
    timeZone: 'Europe/Berlin',
    overlap: 'bufferOne',
    note: 'quicker',
  });
  const { rows } = await database.pool.query(`select payload from tem.schedule where id = 'morning'`);
  expect(rows[0].payload.token).toBe('token-4711');
  expect(await lines('list')).toMatch(/^morning +every 90s Europe\/Berlin +secret +next \d{4}-/);

  expect(await lines('pause', 'morning', '--note', 'holidays')).toContain('paused (holidays)');
  expect(await lines('trigger', 'morning')).toMatch(/^event [0-9a-f-]{36}\n$/);
  expect(await lines('resume', 'morning')).toContain('next ');
  const range = ['--from', '2026-01-01T00:00:00Z', '--to', '2026-01-01T00:03:00Z'];
  expect(await lines('backfill', 'morning', ...range)).toBe('3 times, 3 fired now, 0 had fired\n');
  expect(await lines('backfill', 'morning', ...range)).toBe('3 times, 0 fired now, 3 had fired\n');
  const shown = await lines('show', 'morning');
  expect(shown).toContain('so far   fired 3, skipped 0, missed 0, paused 0');
  expect(shown).toContain('by person');
  expect(shown).toContain('2026-01-01T00:01:30.000Z');

  expect(await lines('remove', 'morning')).toBe('removed morning\n');
  const gone = await schedules('show', 'morning');
  expect(gone.code).not.toBe(0);
  expect(gone.stderr).toContain('schedule');
});

test('a preview says in words when a line fires, and what is wrong with one', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const preview = await lines(
    'preview',
    '--cron',
    '30 2 * * *',
    ...BERLIN,
    '--count',
    '2',
    '--from',
    '2027-03-27T12:00:00Z',
  );
  expect(preview).toContain('at 02:30');
  expect(preview).toContain('2027-03-28 03:00:00 +02:00  2027-03-28T01:00:00.000Z  moved: this day skips the time');
  const refused = await schedules('preview', '--cron', '0 22-2 * * *', ...BERLIN);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('22,23,0,1,2');
});

test('a crontab and a dump of Celery Beat come in, and an export goes out and in again', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const crontab = file('jobs.txt', '30 6 1 * 1 /usr/bin/report\n0 22-2 * * * clean\n');
  const from = [...BERLIN, '--type', 'job'];
  const dry = await schedules('import', 'crontab', crontab, ...from, '--dry-run');
  expect(dry.stdout.trim().split('\n')).toHaveLength(2);
  expect(await lines('list')).toBe('no schedules\n');
  const imported = await schedules('import', 'crontab', crontab, ...from, '--paused');
  expect(imported.stdout).toBe('added usr-bin-report\nadded usr-bin-report-2\n');
  // The line that means something else here is refused, the others are added.
  expect(imported.code).not.toBe(0);
  expect(imported.stderr).toContain('line 2');

  const beat = file(
    'beat.json',
    JSON.stringify([
      { model: 'django_celery_beat.intervalschedule', pk: 2, fields: { every: 10, period: 'minutes' } },
      {
        model: 'django_celery_beat.periodictask',
        pk: 2,
        fields: { name: 'Sweep', task: 'app.sweep', interval: 2, args: '[1]', kwargs: '{"a": 2}', enabled: true },
      },
    ]),
  );
  expect(await lines('import', 'celery', beat, ...from)).toBe('added sweep\n');
  const again = await schedules('import', 'celery', beat, ...from);
  expect(again.stderr).toContain('exists');

  const exported = await lines('export');
  const all = JSON.parse(exported) as { id: string }[];
  expect(all.map(({ id }) => id)).toEqual(['sweep', 'usr-bin-report', 'usr-bin-report-2']);
  expect(all).toContainEqual(
    expect.objectContaining({
      id: 'usr-bin-report',
      cron: '30 6 1 * *',
      paused: true,
      payload: { command: '/usr/bin/report' },
    }),
  );
  for (const { id } of all) await lines('remove', id);
  expect(await lines('import', 'json', file('out.json', exported))).toBe(all.map(({ id }) => `added ${id}\n`).join(''));
  expect(await lines('export')).toBe(exported);
});
