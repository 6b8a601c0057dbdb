// How many workflows Temporal itself has counted, asked of its visibility, which lags behind a little.

import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';

const SETTLE_MS = 700;
const TRIES_MAX = 20;

/** Executions by workflow type, once the counts no longer change. */
export async function countWorkflows(
  address: string,
  namespace: string,
  types: readonly string[],
): Promise<Record<string, number>> {
  const connection = await Connection.connect({ address });
  try {
    const count = async (type: string): Promise<[string, number]> => {
      const answer = await connection.workflowService.countWorkflowExecutions({
        namespace,
        query: `WorkflowType = '${type}'`,
      });
      return [type, Number(answer.count)];
    };
    let last = '';
    let counts: Record<string, number> = {};
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      counts = Object.fromEntries(await Promise.all(types.map(count)));
      const now = JSON.stringify(counts);
      if (now === last) break;
      last = now;
      await delay(SETTLE_MS);
    }
    return counts;
  } finally {
    await connection.close();
  }
}
