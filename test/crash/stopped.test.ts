// A worker that has stopped still has its polls open: Temporal gives it what passes through a queue, for a minute.

import { expect, test } from 'vitest';
import { eventWorkflowId } from '../../src/core/workflow-id.ts';
import { setup } from './setup.ts';

const EVENTS = 12;

test('the attempt of a long type begins on the worker that has its run, not on one that has stopped', async () => {
  const scene = await setup();
  const stopped = await scene.startWorker();
  stopped.kill('SIGSTOP');
  await scene.startWorker();
  const ids = await scene.send(Array.from({ length: EVENTS }, () => ({ type: 'lengthy' })));
  await scene.untilAll('PROCESSED', undefined, ids);
  await scene.expectEffectsOnce(ids);
  for (const { type, key } of await scene.rows(ids)) {
    const run = scene.temporal.client.workflow.getHandle(eventWorkflowId(type, key));
    // The ledger knows of the end before Temporal does.
    await run.result();
    const { events } = await run.fetchHistory();
    const tries = events?.flatMap(({ activityTaskStartedEventAttributes: started }) => started?.attempt ?? []);
    expect(tries).toEqual([1]);
  }
});
