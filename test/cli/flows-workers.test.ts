// `tem flows` and `tem workers` against a real API and worker: what a person reads, what a program reads, and what follows.

import { expect, onTestFinished, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { runTem, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const TIMEOUT_MS = 180_000;

async function setup() {
  const [database, temporal] = [await createDatabase(), await createNamespace()];
  const environment = testEnvironment(database, temporal);
  const programs = ['api', 'worker'].map((name) => startTem([name], environment));
  onTestFinished(async () => void (await Promise.all(programs.map((program) => program.stop()))));
  const [api, worker] = await Promise.all(programs.map((program) => program.ready()));
  const env = { ...environment, TEM_API_URL: String(api?.url) };
  return {
    pool: database.pool,
    workerId: String(worker?.id),
    workerExited: programs[1]?.exited,
    tem: (...args: string[]) => runTem(args, env),
    /** What it says when all goes well. */
    async say(...args: string[]): Promise<string> {
      const { code, stdout, stderr } = await runTem(args, env);
      expect({ code, stderr }, args.join(' ')).toEqual({ code: 0, stderr: '' });
      return stdout;
    },
  };
}

test('flows are set, paused and taken away, and workers are shown, drained and ended', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { pool, workerId, workerExited, tem, say } = await setup();
  const notification = (key: string): string[] => [
    'send',
    'notification',
    '{"user": "ada", "title": "Hello", "body": ""}',
    '--key',
    key,
  ];
  const state = async (key: string): Promise<string> =>
    (await pool.query('select state from tem.event where key = $1', [key])).rows[0]?.state;

  expect(await say('flows')).toBe('no flow is set: nothing is limited\n');
  expect(await say('flows', 'set', 'notification', '--rate', '100/minute', '--max-in-flight', '5')).toBe(
    'notification  5 in flight, 100 a minute\n',
  );
  expect(await say('flows', 'set', 'notification', 'a b/c', '--paused', '--json')).toBe(
    '{"type":"notification","group":"a b/c","paused":true,"maxInFlight":null,"rate":null}\n',
  );
  expect(await say('flows')).toBe('notification  5 in flight, 100 a minute\nnotification a b/c  paused\n');
  const page = await say('flows', 'list', '--limit', '1');
  const cursor = /^more: --cursor (\S+)$/m.exec(page)?.[1] as string;
  expect(await say('flows', 'list', '--cursor', cursor)).toBe('notification a b/c  paused\n');
  const simulated = JSON.parse(
    await say('flows', 'set', 'notification', '--rate', '1/second', '--simulate', '1h', '--json'),
  );
  expect(simulated).toMatchObject({ simulated: '1h', arrivals: 0, rate: { limit: 1, per: 'second' } });

  // A pause keeps the other limits, and is obeyed.
  expect(await say('flows', 'pause', 'notification')).toBe('notification  paused, 5 in flight, 100 a minute\n');
  await waitFor(async () => (await pool.query('select from tem.flow where paused')).rowCount === 2);
  await say(...notification('held'));
  const id = (await pool.query(`select id from tem.event where key = 'held'`)).rows[0].id;
  await waitFor(async () => /paused/.test(await say('events', 'show', id)));
  expect(await say('flows', 'resume', 'notification')).toBe('notification  5 in flight, 100 a minute\n');
  await waitFor(async () => (await state('held')) === 'PROCESSED');
  expect(await say('flows', 'remove', 'notification', 'a b/c')).toBe('removed\n');
  expect(await say('flows', 'show', 'notification', 'a b/c')).toBe('notification a b/c  no limits\n');
  expect(await tem('flows', 'set', 'notification', '--rate', '5/hour')).toMatchObject({
    code: 2,
    stderr: 'tem: --rate 5/hour: write it as 100/minute or 20/second\n',
  });
  expect(await tem('flows', 'show', 'nobody')).toMatchObject({ code: 4, stderr: expect.stringMatching(/^tem: 404 /) });

  expect(await say('workers')).toMatch(
    new RegExp(`^${workerId}  running +0 active  \\S+:\\d+  \\d+ types  since \\S+Z\\n$`),
  );
  expect(await say('workers', 'types')).toMatch(/^ +1 {2}notification$/m);
  await waitFor(async () => /claimed 1,/.test(await say('workers', 'stats')));
  expect(await say('workers', 'active')).toBe('nothing runs\n');
  expect(JSON.parse(await say('workers', '--json')).workers).toMatchObject([{ id: workerId, state: 'running' }]);
  expect(await say('workers', 'drain', workerId)).toBe(`${workerId} is told to drain\n`);
  expect(await say('workers')).toContain('draining');
  expect(await say('workers', 'resume', workerId)).toBe(`${workerId} is told to resume\n`);
  await say(...notification('after'));
  await waitFor(async () => (await state('after')) === 'PROCESSED');
  expect(await tem('workers', 'drain', 'nobody')).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/^tem: 404 /),
  });
  expect(await say('workers', 'shutdown', workerId)).toBe(`${workerId} is told to end\n`);
  expect(await workerExited).toMatchObject({ code: 0 });
  await waitFor(async () => /gone|stopping/.test(await say('workers')));
});
