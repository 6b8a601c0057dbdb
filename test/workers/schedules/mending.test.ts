// What a person does to a schedule in Temporal: the times, the action or its existence are mended, a pause is kept, and both
// are told; also when it happens between the reading and the writing of a change.

import { execFileSync } from 'node:child_process';
import pino from 'pino';
import { beforeAll, expect, inject, test } from 'vitest';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { listChanges } from '../../../src/core/schedules/changes.ts';
import { getSchedule, type StoredSchedule } from '../../../src/core/schedules/store.ts';
import { type ScheduleCalls, scheduleCalls } from '../../../src/core/schedules/temporal/calls.ts';
import { liveSchedule } from '../../../src/core/schedules/temporal/live.ts';
import { syncSchedule } from '../../../src/core/schedules/temporal/sync.ts';
import { createSyncer } from '../../../src/workers/schedules/syncer.ts';
import { atEnd } from '../../support/at-end.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { createNamespace, type TestTemporal } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';

const log = pino({ level: 'silent' });
const TASK_QUEUE = 'schedules';

let pool: TestDatabase['pool'];
let databaseUrl = '';
let temporal: TestTemporal;
let ledgerId = '';

beforeAll(async () => {
  [{ pool, databaseUrl }, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const { rows } = await pool.query<{ id: string }>('select id from tem.ledger');
  ledgerId = rows[0]?.id ?? '';
});

function cli(...args: string[]): string {
  const where = ['--address', temporal.address, '--namespace', temporal.namespace];
  return execFileSync(inject('temporalCli'), ['schedule', ...args, ...where], { encoding: 'utf8' });
}

// biome-ignore lint/suspicious/noExplicitAny: the CLI's own shape
function described(id: string): any {
  return JSON.parse(cli('describe', '-s', id, '-o', 'json')).schedule;
}

async function insert(id: string): Promise<void> {
  await pool.query(
    `insert into tem.schedule (id, cron, time_zone, type, payload) values ($1, '0 9 * * *', 'Europe/Berlin', 'note', '{}')`,
    [id],
  );
}

async function row(id: string): Promise<StoredSchedule> {
  return (await getSchedule(pool, id)) as StoredSchedule;
}

/** As the API's GET shows it. */
async function live(id: string): Promise<StoredSchedule> {
  return liveSchedule(pool, temporal.client, await row(id));
}

async function told(id: string): Promise<{ action: string; actor: string; detail: string | null }[]> {
  return (await listChanges(pool, id, 50, undefined)).changes;
}

test('changed times and a deletion show as drift, are mended from the row, and stay in the history with who did it', async () => {
  await insert('mended');
  const listener = createListener(databaseUrl, log);
  const client = temporal.client;
  const syncer = createSyncer({ pool, client, ledgerId, taskQueue: TASK_QUEUE, listener, log, compareEveryMs: 500 });
  // The first time without it, so that the drift can be seen.
  const calls = scheduleCalls(client, ledgerId);
  await syncSchedule({ pool, calls, ledgerId, taskQueue: TASK_QUEUE, log }, 'mended');
  expect((await live('mended')).drift).toBeNull();

  cli(
    'update',
    '-s',
    'mended',
    '--cron',
    '30 11 * * *',
    '--type',
    'other',
    '--workflow-id',
    'other',
    '--task-queue',
    'elsewhere',
  );
  expect((await live('mended')).drift).toMatch(
    /^spec, action.* changed in Temporal: will be written again from the row$/,
  );
  await syncer.part.start();
  atEnd(async () => {
    await syncer.part.stop();
    await listener.stop();
  });
  await waitFor(() => described('mended').action.startWorkflow.workflowType.name === 'scheduleFiring');
  expect(described('mended').spec.structuredCalendar).toMatchObject([{ hour: [{ start: 9 }] }]);
  expect((await told('mended'))[0]).toMatchObject({ action: 'mended', actor: expect.stringMatching(/^temporal: .+/) });
  await waitFor(async () => (await live('mended')).drift === null);

  cli('delete', '-s', 'mended');
  await waitFor(async () => (await told('mended'))[0]?.detail === 'it was deleted in Temporal: created again');
  await waitFor(() => described('mended').spec.structuredCalendar.length === 1);

  // What no row stands for any more goes, what others made in the namespace stays.
  cli('create', '-s', 'of-others', '--interval', '1h', '--type', 'w', '--task-queue', 't', '--workflow-id', 'w');
  await pool.query(`delete from tem.schedule where id = 'mended'`);
  await waitFor(() => !cli('list').includes('mended'));
  expect(cli('list')).toContain('of-others');
});

test('a pause by the CLI between the reading and the writing of a change is kept with its note, and the change too', async () => {
  await insert('between');
  let isArmed = false;
  const real = scheduleCalls(temporal.client, ledgerId);
  const calls: ScheduleCalls = {
    ...real,
    async update(id, schedule, token) {
      if (isArmed) {
        isArmed = false;
        cli('toggle', '--pause', '--reason', 'not now', '-s', id);
      }
      return real.update(id, schedule, token);
    },
  };
  const dependencies = { pool, calls, ledgerId, taskQueue: TASK_QUEUE, log };
  // As the worker does: what was written is looked at until it is seen.
  const settle = (): Promise<boolean> => waitFor(async () => !(await syncSchedule(dependencies, 'between')));
  await settle();
  await pool.query(`update tem.schedule set cron = '15 9 * * *' where id = 'between'`);
  isArmed = true;
  await settle();
  expect(isArmed).toBe(false);
  const { spec, state } = described('between');
  expect(spec.structuredCalendar).toMatchObject([{ minute: [{ start: 15 }], hour: [{ start: 9 }] }]);
  expect(state).toMatchObject({ paused: true, notes: 'not now' });
  expect(await row('between')).toMatchObject({ paused: true, note: 'not now', cron: '15 9 * * *' });
  expect((await told('between'))[0]).toMatchObject({ action: 'paused', actor: expect.stringMatching(/^temporal: .+/) });
});

test('a note that is longer than Temporal takes is cut there, and whole in the row', async () => {
  await insert('noted');
  const dependencies = { pool, calls: scheduleCalls(temporal.client, ledgerId), ledgerId, taskQueue: TASK_QUEUE, log };
  const settle = (): Promise<boolean> => waitFor(async () => !(await syncSchedule(dependencies, 'noted')));
  const note = `x${'é'.repeat(900)}`;
  await pool.query(`update tem.schedule set note = $1 where id = 'noted'`, [note]);
  await settle();
  expect(described('noted').state.notes).toBe(`x${'é'.repeat(499)}`);
  expect(await live('noted')).toMatchObject({ note, drift: null });
  cli('toggle', '--pause', '--reason', 'shorter', '-s', 'noted');
  await settle();
  expect(await row('noted')).toMatchObject({ paused: true, note: 'shorter', drift: null });
});
