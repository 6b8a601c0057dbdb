// What people do with Temporal's own command line: cancel, terminate and start the workflow of an event.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { WorkflowFailedError } from '@temporalio/client';
import { describe, expect, inject, test } from 'vitest';
import { retryEvent } from '../../src/core/ledger/retry.ts';
import { eventWorkflowId } from '../../src/core/workflow-id.ts';
import { waitFor } from '../support/wait.ts';
import { createScene, type SceneEvent } from './scene.ts';

const scene = await createScene({ TEM_RECONCILE_EVERY: '2s' });
const { pool, accept, untilState, until, untilRun, untilDone, openGate, done, effects } = scene;

const TURN_WITHIN_MS = 30_000;
const TOMORROW = new Date(Date.now() + 86_400_000);

/** Temporal's own command line, as a person uses it. */
async function temporal(...args: string[]): Promise<{ code: number; output: string }> {
  const { address, namespace } = scene.temporal;
  const run = promisify(execFile)(inject('temporalCli'), [
    ...args,
    '--address',
    address,
    '--namespace',
    namespace,
    '--color',
    'never',
  ]);
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error) => ({ code: error.code, output: error.stdout + error.stderr }),
  );
}

/** Until a reconcile turn that began after now is over. */
async function untilTurn(): Promise<void> {
  const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
  const since = rows[0]?.now;
  await waitFor(async () => {
    const turn = await pool.query(
      'select from tem.ledger where reconciled_at > $1 and reconciled_whole_at > reconciled_at',
      [since],
    );
    return turn.rowCount === 1;
  }, TURN_WITHIN_MS);
}

/** Until visibility, which a reconcile turn asks, lists the run as terminated. */
async function untilVisible(event: SceneEvent, runId: string): Promise<void> {
  const query = `WorkflowId = '${idOf(event)}' AND ExecutionStatus = 'Terminated'`;
  await waitFor(async () => {
    for await (const run of scene.temporal.client.workflow.list({ query })) if (run.runId === runId) return true;
    return false;
  });
}

const idOf = ({ type, key }: SceneEvent): string => eventWorkflowId(type, key);

describe.concurrent.each(['cancel', 'terminate'])('temporal workflow %s', (command) => {
  test('of a waiting run ends its event CANCELLED', async () => {
    const event = await accept('patient', { plan: ['fail'] });
    await untilState(event.id, 'FAILED');
    await untilRun(event, 'RUNNING');
    expect(await temporal('workflow', command, '--workflow-id', idOf(event))).toMatchObject({ code: 0 });
    await untilState(event.id, 'CANCELLED');
    expect(await done(event.id)).toEqual(['fail']);
  });

  test('of a run after its second attempt ends its event CANCELLED', async () => {
    const event = await accept('patient', { plan: ['fail', 'fail'] });
    await untilState(event.id, 'FAILED');
    await retryEvent(pool, event.id, 'test');
    await until(event.id, ({ retry_count, state }) => state === 'FAILED' && retry_count === 2);
    await untilRun(event, 'RUNNING');
    expect(await temporal('workflow', command, '--workflow-id', idOf(event))).toMatchObject({ code: 0 });
    await untilState(event.id, 'CANCELLED');
  });

  test('of a waiting run compensates', async () => {
    const event = await accept('patient-undone', { plan: ['fail'] });
    await untilState(event.id, 'FAILED');
    await untilRun(event, 'RUNNING');
    await temporal('workflow', command, '--workflow-id', idOf(event));
    await untilState(event.id, 'CANCELLED');
    expect(await effects(event.id)).toEqual(['undone']);
  });

  test('of a run whose attempt is open stops that attempt', async () => {
    const event = await accept('quick', { plan: ['hold'] });
    await untilDone(event.id, 'hold');
    await temporal('workflow', command, '--workflow-id', idOf(event));
    await untilState(event.id, 'CANCELLED');
    expect(await effects(event.id)).toEqual([]);
    await untilRun(event, command === 'cancel' ? 'CANCELLED' : 'TERMINATED');
  });

  test('of a long attempt stops it and compensates', async () => {
    const event = await accept('long-undone', { plan: ['hold'] });
    await untilDone(event.id, 'hold');
    await temporal('workflow', command, '--workflow-id', idOf(event));
    await untilState(event.id, 'CANCELLED');
    expect(await effects(event.id)).toEqual(['undone']);
  });
});

test.each([
  ['by a Web UI without login, which gives no identity', '', 'CANCELLED'],
  ['by the server itself', 'history-service', 'PROCESSED'],
])('a run that is terminated %s: its event ends as it should', async (_, identity, state) => {
  const event = await accept('patient', { plan: ['fail', 'ok'] });
  await untilState(event.id, 'FAILED');
  const { runId } = await untilRun(event, 'RUNNING');
  const { namespace, client } = scene.temporal;
  await client.workflowService.terminateWorkflowExecution({
    namespace,
    workflowExecution: { workflowId: idOf(event), runId },
    identity,
  });
  await untilVisible(event, runId);
  if (state === 'PROCESSED') {
    // By the reconciler, and before anybody's retry: that alone would begin the second attempt too.
    await waitFor(async () => {
      const { rowCount } = await pool.query('select from tem.event where id = $1 and due_by is null', [event.id]);
      return rowCount === 1;
    }, TURN_WITHIN_MS);
    expect(await scene.event(event.id)).toMatchObject({ state: 'FAILED', due_at: expect.any(Date) });
    // Freed, it is in the queue until it is due, which a person need not wait for.
    await retryEvent(pool, event.id, 'test');
  }
  await untilState(event.id, state);
});

test('a run that is reset goes on, and its event is not cancelled', async () => {
  const event = await accept('patient', { plan: ['fail', 'ok'] });
  await untilState(event.id, 'FAILED');
  const { runId } = await untilRun(event, 'RUNNING');
  const reset = ['workflow', 'reset', '--workflow-id', idOf(event), '--type', 'FirstWorkflowTask', '--reason', 'test'];
  expect(await temporal(...reset)).toMatchObject({ code: 0 });
  await waitFor(async () => (await untilRun(event, 'RUNNING')).runId !== runId);
  await untilVisible(event, runId);
  await untilTurn();
  expect(await scene.event(event.id)).toMatchObject({ state: 'FAILED' });
  await retryEvent(pool, event.id, 'test');
  await untilState(event.id, 'PROCESSED');
  expect(await done(event.id)).toEqual(['fail', 'ok']);
});

test('temporal workflow describe and show tell which event it is and how far it has come', async () => {
  const event = await accept('patient', { plan: ['fail'] });
  await untilState(event.id, 'FAILED');
  await untilRun(event, 'RUNNING');
  const described = await temporal('workflow', 'describe', '--workflow-id', idOf(event));
  expect(described).toMatchObject({ code: 0, output: expect.stringMatching(/TemEventType.*patient/) });
  expect(described.output).toMatch(/TemState.*FAILED/);
  expect(described.output).toMatch(new RegExp(`Memo .*${event.id}`));
  expect(described.output).toContain(`StaticSummary  "patient ${event.key}"`);
  const shown = await temporal('workflow', 'show', '--workflow-id', idOf(event));
  expect(shown).toMatchObject({ code: 0, output: expect.stringMatching(/WorkflowExecutionStarted.*TimerStarted/s) });
});

describe.concurrent('temporal workflow start', () => {
  const start = async (workflowId: string, input: string | undefined, type = 'event') => {
    const { rows } = await pool.query<{ task_queue: string }>('select task_queue from tem.worker limit 1');
    const given = input === undefined ? [] : ['--input', input];
    return temporal(
      'workflow',
      'start',
      '--type',
      type,
      '--task-queue',
      rows[0]!.task_queue,
      '--workflow-id',
      workflowId,
      ...given,
    );
  };
  const refusal = async (workflowId: string): Promise<string> => {
    const error = await scene.temporal.client.workflow
      .getHandle(workflowId)
      .result()
      .catch((failure) => failure);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect(error.cause?.cause ?? error.cause).toMatchObject({ type: 'EventStartRefused' });
    return (error.cause?.cause ?? error.cause).message;
  };

  test('runs an event that is queued', async () => {
    const event = await accept('quick', {}, { runAt: TOMORROW });
    expect(await start(idOf(event), JSON.stringify({ id: event.id }))).toMatchObject({ code: 0 });
    await untilState(event.id, 'PROCESSED');
    expect(await effects(event.id)).toEqual(['done']);
    await untilRun(event, 'COMPLETED');
  });

  test('is refused in words for an event that has ended', async () => {
    const event = await accept('quick');
    await untilState(event.id, 'PROCESSED');
    await untilRun(event, 'COMPLETED');
    await start(idOf(event), JSON.stringify({ id: event.id }));
    expect(await refusal(idOf(event))).toContain(`event ${event.id} has ended PROCESSED`);
    expect(await effects(event.id)).toEqual(['done']);
  });

  test('is refused in words for an event that another run has', async () => {
    const event = await accept('quick', { plan: ['hold'] });
    await untilDone(event.id, 'hold');
    await start('by-hand-beside', JSON.stringify({ id: event.id }));
    expect(await refusal('by-hand-beside')).toContain('another run has it');
    await openGate(event.key);
    await untilState(event.id, 'PROCESSED');
  });

  test.each(['null', '{}', '{"members": [{"id": "x"}]}'])('is refused in words for a batch: %s', async (input) => {
    const workflowId = `by-hand-batch-${input.length}`;
    await start(workflowId, input, 'eventBatch');
    expect(await refusal(workflowId)).toContain('start the event workflow, with the id of an event');
  });

  test.each<[string, string | undefined]>([
    ['an unknown id', '{"id": "018f0000-0000-7000-8000-000000000000"}'],
    ['no id', '{}'],
    ['a text', '"hello"'],
    ['null', 'null'],
    ['nothing', undefined],
  ])('is refused in words for %s', async (what, input) => {
    const workflowId = `by-hand ${what}`;
    await start(workflowId, input);
    expect(await refusal(workflowId)).toMatch(/in (this|the) ledger/);
  });
});
