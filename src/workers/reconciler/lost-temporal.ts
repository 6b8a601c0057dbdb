// A Temporal whose database was lost looks healthy and knows nothing. Its namespace has another id then: everything that
// runs had is given back to the queue, in slices, and starts again (rule 8).

import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { FREE_SLICE_MAX, freeAllRuns } from '../../core/ledger/free.ts';
import { ensureReconcileSchedule } from './schedule.ts';

/** At most so many freed events a second: a Temporal that has just come back is slow. */
const FREED_PER_SECOND_MAX = 5_000;

export interface LostTemporal {
  pool: Pool;
  client: Client;
  ledgerId: string;
  taskQueue: string;
  everyMs: number;
  /** Registers TEM's search attributes, and lets starts use them again. */
  restoreSearchAttributes(): Promise<void>;
  log: Logger;
}

export async function recoverLostTemporal(options: LostTemporal): Promise<void> {
  const { pool, client, log } = options;
  const namespaceId = await describeNamespaceId(client);
  const { rows } = await pool.query<{ known: string | null; now: Date }>(
    'select temporal_namespace_id as known, clock_timestamp() as now from tem.ledger',
  );
  const known = rows[0]?.known ?? null;
  if (known === namespaceId) return;
  if (known === null) return remember(pool, namespaceId);

  log.error(
    { was: known, is: namespaceId },
    "Temporal's database is another one: everything unfinished is started again",
  );
  await options.restoreSearchAttributes();
  await ensureReconcileSchedule(options);
  const before = rows[0]?.now as Date;
  for (let freed = FREE_SLICE_MAX; freed === FREE_SLICE_MAX; ) {
    freed = await freeAllRuns(pool, before);
    await new Promise((resolve) => setTimeout(resolve, (freed / FREED_PER_SECOND_MAX) * 1_000));
  }
  await remember(pool, namespaceId);
}

async function remember(pool: Pool, namespaceId: string): Promise<void> {
  await pool.query('update tem.ledger set temporal_namespace_id = $1', [namespaceId]);
}

async function describeNamespaceId(client: Client): Promise<string> {
  const answer = await client.workflowService.describeNamespace({ namespace: client.options.namespace });
  return answer.namespaceInfo?.id ?? '';
}
