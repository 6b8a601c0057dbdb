// Attempts as Temporal sees them: outcomes as results, failures with a code and the ledger's delay but never their text.

import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { createAttemptActivities } from '../../src/activities/attempts.ts';
import type { EventInput } from '../../src/workflows/contract.ts';
import { gate, openBench, typeOf } from '../core/attempt/bench.ts';
import { waitFor } from '../support/wait.ts';

const createBench = await openBench();

const LEDGER = '00000000-0000-4000-8000-000000000001';

async function setup(handle: Parameters<typeof typeOf>[0], further: Parameters<typeof typeOf>[1] = {}) {
  const bench = await createBench([typeOf(handle, further)]);
  const done: string[] = [];
  const activities = createAttemptActivities({
    ledgerId: LEDGER,
    attempts: bench.dependencies,
    ordinaryMax: 4,
    runDone: (workflowId, goesOn) => void done.push(goesOn ? `${workflowId} goes on` : workflowId),
  });
  const id = await bench.accept();
  const { generation } = await bench.row(id);
  const input: Pick<EventInput, 'ledger' | 'id' | 'type' | 'generation' | 'attempt'> = {
    ledger: LEDGER,
    id,
    type: 'probe',
    generation,
    attempt: 1,
  };
  const environment = new MockActivityEnvironment({ workflowExecution: { workflowId: 'probe:1', runId: 'run' } });
  /** As if the relay had started runs for these. */
  const claimed = (ids: string[]) =>
    bench.pool.query(
      `update tem.event set due_at = null, due_by = clock_timestamp() + interval '1 minute' where id = any($1::uuid[])`,
      [ids],
    );
  const row = (other = id) => bench.row(other);
  const { pool } = bench;
  return { activities, environment, input, done, row, claimed, pool, accept: () => bench.accept() };
}

test('a first attempt that fails resolves with its delay, and frees its slot', async () => {
  const { activities, environment, input, done, row } = await setup(() => {
    throw new Error('the secret is 42');
  });
  const outcome = await environment.run(activities.firstAttempt, input);
  expect(outcome).toMatchObject({ outcome: 'retry', attempt: 1, maxAttempts: 3, delayMs: 1_000, left: false });
  expect(done).toEqual(['probe:1']);
  expect(await row()).toMatchObject({ state: 'FAILED', last_error: 'the secret is 42' });
});

test('a slot is told that more of its run follows when a compensation does', async () => {
  const { activities, environment, input, done } = await setup(
    () => {
      throw new Error('no');
    },
    { retry: { maxAttempts: 1 }, compensate: () => {} },
  );
  expect(await environment.run(activities.firstAttempt, input)).toEqual({ outcome: 'settle' });
  expect(await environment.run(activities.settle, input)).toEqual({ outcome: 'extinct' });
  expect(done).toEqual(['probe:1 goes on', 'probe:1']);
});

test('a later attempt that fails rejects with the next delay and without the text of the failure', async () => {
  const { activities, environment, input } = await setup(() => {
    throw new Error('the secret is 42');
  });
  const failure = await environment.run(activities.attempt, input).then(
    () => undefined,
    (error: unknown) => error as ApplicationFailure,
  );
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ type: 'EventAttemptFailed', nextRetryDelay: 1_000, nonRetryable: false });
  expect(failure?.message).toContain(input.id);
  expect(failure?.message).not.toContain('secret');
});

test('an event that has no attempt left and nothing to compensate ends in the same task', async () => {
  const { activities, environment, input, row } = await setup(
    () => {
      throw new Error('no');
    },
    { retry: { maxAttempts: 1 } },
  );
  expect(await environment.run(activities.firstAttempt, input)).toEqual({ outcome: 'extinct' });
  expect(await row()).toMatchObject({ state: 'EXTINCT', retry_count: 1 });
});

test('an event of another ledger is refused in words and its handler is not called', async () => {
  let calls = 0;
  const { activities, environment, input } = await setup(() => {
    calls += 1;
  });
  const other = { ...input, ledger: '00000000-0000-4000-8000-000000000002' };
  await expect(environment.run(activities.firstAttempt, other)).rejects.toThrow(
    /API and worker use different databases/,
  );
  expect(calls).toBe(0);
});

test('later attempts beyond the share of their type go back to the queue and are not begun', async () => {
  const held = gate();
  const begun: string[] = [];
  const { activities, environment, input, done, row, accept, claimed } = await setup(async (event) => {
    begun.push(event.id);
    await held.opened;
  });
  const [second, third] = [
    { ...input, id: await accept() },
    { ...input, id: await accept() },
  ];
  await claimed([input.id, second.id, third.id]);
  const running = [input, second].map((each) => environment.run(activities.attempt, each));
  await waitFor(() => begun.length === 2);
  expect(await environment.run(activities.attempt, third)).toEqual({ outcome: 'released' });
  expect(await row(third.id)).toMatchObject({ state: 'QUEUED', queued: true });
  expect(done).toEqual(['probe:1']);
  held.open();
  expect(await Promise.all(running)).toEqual([{ outcome: 'processed' }, { outcome: 'processed' }]);
  expect(begun).toHaveLength(2);
});

test('what a handler throws when the ledger is lost under it stays out of Temporal', async () => {
  const { activities, environment, input, row } = await setup(async (_event, { tx }) => {
    await tx.query('select 1');
    // As a restart of Postgres does.
    await tx.query('select pg_terminate_backend(pg_backend_pid())').catch(() => {});
    throw new Error('the secret is 42', { cause: new Error('and this one is 43') });
  });
  for (const activity of [activities.firstAttempt, activities.attempt]) {
    const failure = await environment.run(activity, input).then(
      () => undefined,
      (error: unknown) => error as ApplicationFailure,
    );
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({ type: 'LedgerUnavailable', nonRetryable: false, cause: undefined });
    expect(failure?.message).toBe(`the ledger is away: event ${input.id} goes on when it is back`);
    expect(await row()).toMatchObject({ state: 'PROCESSING', retry_count: 0 });
  }
});

test.each([
  ['a number that JSON has not', { rows: 1n }, "heartbeat: the details can't be written as JSON"],
  ['too much', 'x'.repeat(20_000), 'heartbeat: the details have 20002 bytes; at most 16384 are kept'],
])('heartbeat details with %s fail their own attempt, in words', async (_, details, error) => {
  const { activities, environment, input, row } = await setup((_event, { heartbeat }) => heartbeat(details));
  await expect(environment.run(activities.attempt, input)).rejects.toMatchObject({ type: 'EventAttemptFailed' });
  expect(await row()).toMatchObject({ state: 'FAILED', retry_count: 1, last_error: error });
});

test('heartbeat details are kept as they were given', async () => {
  const given: { done: number; self?: unknown } = { done: 1 };
  const { activities, environment, input } = await setup((_event, { heartbeat }) => {
    heartbeat(given);
    given.self = given;
  });
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  expect(await environment.run(activities.attempt, input)).toEqual({ outcome: 'processed' });
  expect(beats).toEqual([{ done: 1 }]);
});

test('a long attempt beyond the share of its type comes back after a while, not at once', async () => {
  const held = gate();
  const { activities, environment, input, row, pool, accept, claimed } = await setup(() => held.opened, { long: true });
  const others = [await accept(), await accept()];
  await claimed([input.id, ...others]);
  const running = [input.id, others[0] as string].map((id) => environment.run(activities.attempt, { ...input, id }));
  for (const id of [input.id, others[0]]) await waitFor(async () => (await row(id)).state === 'PROCESSING');
  expect(await environment.run(activities.attempt, { ...input, id: others[1] as string })).toEqual({
    outcome: 'released',
  });
  const { rows } = await pool.query(
    `select due_at > clock_timestamp() + interval '2 seconds' as later from tem.event where id = $1`,
    [others[1]],
  );
  expect(rows).toEqual([{ later: true }]);
  held.open();
  await Promise.all(running);
});
