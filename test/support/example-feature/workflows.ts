// A workflow of a feature: greets by an activity, waits for a word from outside when it is told to.

import { ApplicationFailure, CancellationScope, isCancellation, proxyActivities, sleep } from '@temporalio/workflow';
import type { EventWorkflowInput } from '../../../src/core/event-workflow.ts';

const WAIT_MS = 3_600_000;

const activities = proxyActivities<{
  'example.greet'(input: EventWorkflowInput): Promise<{ greeting: string; does: string }>;
  'example.noteCancel'(input: EventWorkflowInput): Promise<void>;
}>({ startToCloseTimeout: '10s' });

export async function exampleGreeting(input: EventWorkflowInput): Promise<{ greeting: string }> {
  const { greeting, does } = await activities['example.greet'](input);
  if (does === 'fail') throw ApplicationFailure.nonRetryable('it never works');
  if (does === 'fail once' && input.attempt === 1) throw ApplicationFailure.create({ message: 'not the first time' });
  if (does === 'wait') {
    try {
      await sleep(WAIT_MS);
    } catch (error) {
      if (isCancellation(error)) await CancellationScope.nonCancellable(() => activities['example.noteCancel'](input));
      throw error;
    }
  }
  return { greeting };
}
