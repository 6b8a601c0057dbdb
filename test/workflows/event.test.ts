// One event as a durable workflow, on a real Temporal and in a real worker process: from the first attempt to its end.

import { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import { describe, expect, test } from 'vitest';
import { retryEvent } from '../../src/core/ledger/retry.ts';
import { waitFor } from '../support/wait.ts';
import { createScene } from './scene.ts';

const scene = await createScene();
const { accept, untilState, until, untilRun, untilDone, openGate, handle, done, effects, history } = scene;

type Pending = {
  activityId?: string | null;
  attempt?: number | null;
  state?: unknown;
  lastFailure?: { message?: string | null } | null;
};
const AWAY_MS = 600_000;

describe.concurrent('an event that succeeds', () => {
  test('is one eager workflow task', async () => {
    const event = await accept('quick', { plan: ['ok'] });
    expect(await untilState(event.id, 'PROCESSED')).toMatchObject({ retry_count: 0, result: { fine: true } });
    await untilRun(event, 'COMPLETED');
    const { events } = await handle(event).fetchHistory();
    const started = events?.find(
      (each) => each.workflowExecutionStartedEventAttributes,
    )?.workflowExecutionStartedEventAttributes;
    expect(started?.eagerExecutionAccepted).toBe(true);
    expect(events?.filter((each) => each.workflowTaskCompletedEventAttributes)).toHaveLength(1);
    expect(events?.filter((each) => each.activityTaskScheduledEventAttributes)).toHaveLength(0);
    expect(await history(event.id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> PROCESSED']);
    expect(await effects(event.id)).toEqual(['done']);
  });

  test('is found in Temporal by its type, its memo and its summary, and its payload is not there', async () => {
    const event = await accept('quick', { plan: ['ok', 'a-word-of-the-payload'] }, { key: 'order/7 ä' });
    await untilState(event.id, 'PROCESSED');
    const description = await untilRun(event, 'COMPLETED');
    expect(description).toMatchObject({
      workflowId: 'quick:order%2F7%20%C3%A4',
      type: 'event',
      memo: { event: event.id },
    });
    expect(description.searchAttributes).toMatchObject({ TemEventType: ['quick'] });
    expect(await description.staticSummary()).toBe('quick order/7 ä');
    const found = await waitFor(async () => {
      const ids: string[] = [];
      for await (const run of scene.temporal.client.workflow.list({ query: `TemEventType = 'quick'` }))
        ids.push(run.workflowId);
      return ids.includes('quick:order%2F7%20%C3%A4');
    });
    expect(found).toBe(true);
    expect(JSON.stringify(await handle(event).fetchHistory())).not.toContain(
      Buffer.from('a-word-of-the-payload').toString('base64').slice(0, 20),
    );
  });

  test('keeps a private key out of Temporal', async () => {
    const event = await accept('secretive', {}, { key: 'person@example.org' });
    await untilState(event.id, 'PROCESSED');
    const runs = await waitFor(async () => {
      const found: string[] = [];
      for await (const run of scene.temporal.client.workflow.list({ query: `TemEventType = 'secretive'` }))
        found.push(run.workflowId);
      return found.length > 0 ? found : undefined;
    });
    expect(runs).toEqual([expect.stringMatching(/^secretive:sha256:[0-9a-f]{64}$/)]);
    const run = scene.temporal.client.workflow.getHandle(runs[0] as string);
    expect(JSON.stringify(await run.describe())).not.toContain('person@example.org');
  });

  test('emits a further event that runs too', async () => {
    const event = await accept('quick', { plan: ['emit'] });
    await untilState(event.id, 'PROCESSED');
    await waitFor(async () => {
      const { rows } = await scene.pool.query('select state, source from tem.event where key = $1', [
        `${event.key}-emitted`,
      ]);
      return rows[0]?.state === 'PROCESSED' && rows[0]?.source === `emit ${event.id}`;
    });
  });
});

describe.concurrent('an event that fails at first', () => {
  test('is tried again by an activity whose attempt, failure and next retry Temporal shows', async () => {
    const event = await accept('steady', { plan: ['fail', 'fail', 'ok'] });
    const failed = await until(event.id, ({ retry_count }) => retry_count === 2);
    expect(failed).toMatchObject({ state: 'FAILED', last_error: 'the script says fail' });
    const pending = await waitFor(async () => {
      const { raw } = await handle(event).describe();
      const [activity] = raw.pendingActivities ?? [];
      return activity?.lastFailure && activity;
    });
    expect(pending.activityId).toBe('attempt 2 of 3');
    expect((pending as Pending).lastFailure?.message).toBe(
      `attempt 2 of 3 of event ${event.id} failed; its error is in the ledger`,
    );
    expect(pending.attempt).toBe(2);
    const scheduled =
      Number(pending.nextAttemptScheduleTime?.seconds) * 1_000 + Number(pending.nextAttemptScheduleTime?.nanos) / 1e6;
    expect(Math.abs(scheduled - Number(failed.next_retry_at))).toBeLessThan(1_000);
    expect(await untilState(event.id, 'PROCESSED')).toMatchObject({ retry_count: 2 });
    await untilRun(event, 'COMPLETED');
    expect(await done(event.id)).toEqual(['fail', 'fail', 'ok']);
    expect(await history(event.id)).toEqual([
      'QUEUED -> PROCESSING',
      'PROCESSING -> FAILED',
      'FAILED -> PROCESSING',
      'PROCESSING -> FAILED',
      'FAILED -> PROCESSING',
      'PROCESSING -> PROCESSED',
    ]);
  });

  test('waits before its second attempt by a timer of the same length', async () => {
    const event = await accept('patient', { plan: ['fail'] });
    const failed = await untilState(event.id, 'FAILED');
    const timer = await waitFor(async () => {
      const { events } = await handle(event).fetchHistory();
      return events?.find((each) => each.timerStartedEventAttributes);
    });
    const firesAt =
      Number(timer.eventTime?.seconds) * 1_000 +
      Number(timer.timerStartedEventAttributes?.startToFireTimeout?.seconds) * 1_000;
    expect(Math.abs(firesAt - Number(failed.next_retry_at))).toBeLessThan(3_000);
    const { searchAttributes } = await handle(event).describe();
    expect(searchAttributes).toMatchObject({ TemState: ['FAILED'] });
  });

  test('obeys a delay that its error asks for', async () => {
    const event = await accept('quick', { plan: ['later', 'ok'], delayMs: AWAY_MS });
    const failed = await untilState(event.id, 'FAILED');
    const waitMs = Number(failed.next_retry_at) - Date.now();
    expect(waitMs).toBeGreaterThan(AWAY_MS - 60_000);
    expect(waitMs).toBeLessThan(AWAY_MS + 5_000);
  });
});

describe.concurrent('an event that can never succeed', () => {
  test('ends EXTINCT, and its run FAILED with EventExtinct and without the text of its error', async () => {
    const event = await accept('quick', { plan: ['fail', 'fail', 'fail'] });
    expect(await untilState(event.id, 'EXTINCT')).toMatchObject({
      retry_count: 3,
      last_error: 'the script says fail',
      next_retry_at: null,
    });
    await untilRun(event, 'FAILED');
    const error = await handle(event)
      .result()
      .catch((failure) => failure);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect(error.cause).toBeInstanceOf(ApplicationFailure);
    expect(error.cause).toMatchObject({ type: 'EventExtinct', nonRetryable: true });
    expect(JSON.stringify(await handle(event).fetchHistory())).not.toContain('the script says fail');
    expect((await history(event.id)).at(-1)).toBe('PROCESSING -> EXTINCT');
    expect((await handle(event).describe()).searchAttributes).toMatchObject({ TemState: ['EXTINCT'] });
  });

  test('ends at once for an error that is not retryable', async () => {
    const event = await accept('patient', { plan: ['never'] });
    await untilState(event.id, 'EXTINCT');
    expect(await history(event.id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> EXTINCT']);
  });

  test('is compensated first, as often as it takes', async () => {
    const event = await accept('undone', { plan: ['never'], undo: ['fail', 'fail'] });
    expect(await untilState(event.id, 'EXTINCT')).toMatchObject({
      compensating: false,
      last_error: 'the script says never',
    });
    expect(await done(event.id)).toEqual(['never', ...Array(3).fill('compensate: the script says never')]);
    expect(await effects(event.id)).toEqual(['undone']);
    expect(await history(event.id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> FAILED', 'FAILED -> EXTINCT']);
    await untilRun(event, 'FAILED');
  });

  test('ends EXTINCT with the error of a compensation that gave up', async () => {
    const event = await accept('undone', { plan: ['never'], undo: ['fail', 'fail', 'fail'] });
    expect(await untilState(event.id, 'EXTINCT')).toMatchObject({
      compensation_error: 'the script says fail',
      compensating: false,
    });
    expect(await effects(event.id)).toEqual([]);
  });

  test('is revived under the same workflow id, with all its attempts', async () => {
    const event = await accept('quick', { plan: ['never', 'ok'] });
    await untilState(event.id, 'EXTINCT');
    await scene.pool.query(`update tem.event set payload = '{"plan": ["fail", "ok"]}' where id = $1`, [event.id]);
    const first = await untilRun(event, 'FAILED');
    expect(await retryEvent(scene.pool, event.id, 'test')).toMatchObject({ outcome: 'done', state: 'QUEUED' });
    expect(await untilState(event.id, 'PROCESSED')).toMatchObject({ retry_count: 1 });
    const second = await untilRun(event, 'COMPLETED');
    expect(second.workflowId).toBe(first.workflowId);
    expect(second.runId).not.toBe(first.runId);
    expect((await history(event.id)).slice(0, 4)).toEqual([
      'QUEUED -> PROCESSING',
      'PROCESSING -> EXTINCT',
      'EXTINCT -> QUEUED',
      'QUEUED -> PROCESSING',
    ]);
  });
});

describe.concurrent('a long type', () => {
  test('runs as an activity with heartbeats from its first attempt on', async () => {
    const event = await accept('long', { plan: ['beat'] });
    await untilDone(event.id, 'beat');
    const pending = await waitFor(async () => {
      const { raw } = await handle(event).describe();
      const [activity] = raw.pendingActivities ?? [];
      return activity?.heartbeatDetails?.payloads?.length ? activity : undefined;
    });
    expect(pending.activityId).toBe('attempt 1 of 3');
    expect(Buffer.from(pending.heartbeatDetails?.payloads?.[0]?.data ?? []).toString()).toBe('{"step":"half way"}');
    await openGate(event.key);
    await untilState(event.id, 'PROCESSED');
  });

  test('is tried again like any other', async () => {
    const event = await accept('long', { plan: ['fail', 'fail', 'ok'] });
    expect(await untilState(event.id, 'PROCESSED')).toMatchObject({ retry_count: 2 });
    expect(await done(event.id)).toEqual(['fail', 'fail', 'ok']);
  });
});
