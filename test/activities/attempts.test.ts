// Attempts as Temporal sees them: outcomes as results, failures with a code and the ledger's delay but never their text.

import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { createAttemptActivities } from '../../src/activities/attempts.ts';
import type { EventInput } from '../../src/workflows/contract.ts';
import { createBench, typeOf } from '../core/attempt/bench.ts';

const LEDGER = '00000000-0000-4000-8000-000000000001';

async function setup(handle: Parameters<typeof typeOf>[0], further: Parameters<typeof typeOf>[1] = {}) {
  const bench = await createBench([typeOf(handle, further)]);
  const done: string[] = [];
  const activities = createAttemptActivities({
    ledgerId: LEDGER,
    attempts: bench.dependencies,
    runDone: (workflowId) => void done.push(workflowId),
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
  return { activities, environment, input, done, row: () => bench.row(id) };
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
  expect(failure?.message).not.toContain('42');
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
