// A Temporal whose database was lost looks healthy and knows nothing. Its namespace has another id then: everything that
// runs had is given back to the queue, in slices, and starts again (rule 8).

import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { FREE_SLICE_MAX, freeAllRuns } from '../../core/ledger/free.ts';
import { forgetSynced } from '../../core/schedules/store.ts';
import type { GoOn } from './alone.ts';
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

/** Whether Temporal's database is another one than before, or none is known yet. */
export async function isTemporalLost({ pool, client }: Pick<LostTemporal, 'pool' | 'client'>): Promise<boolean> {
  const namespaceId = await describeNamespaceId(client);
  const { rows } = await pool.query<{ known: string | null }>('select temporal_namespace_id as known from tem.ledger');
  return rows[0]?.known !== namespaceId;
}

/** Frees what a lost Temporal had, as far as it may go on; the next call takes up the rest. */
export async function recoverLostTemporal(options: LostTemporal, goOn: GoOn): Promise<void> {
  const { pool, client, log } = options;
  const namespaceId = await describeNamespaceId(client);
  const { rows } = await pool.query<{ known: string | null }>('select temporal_namespace_id as known from tem.ledger');
  const known = rows[0]?.known ?? null;
  if (known === namespaceId) return;
  if (known === null) return remember(pool, namespaceId);
  const lostAt = await noticeLoss(pool);

  log.error(
    { was: known, is: namespaceId },
    "Temporal's database is another one: everything unfinished is started again",
  );
  await options.restoreSearchAttributes();
  await ensureReconcileSchedule(options);
  await forgetSynced(pool);
  for (let freed = FREE_SLICE_MAX; freed === FREE_SLICE_MAX; ) {
    freed = await freeAllRuns(pool, lostAt);
    await new Promise((resolve) => setTimeout(resolve, (freed / FREED_PER_SECOND_MAX) * 1_000));
    if (!(await goOn())) return;
  }
  await remember(pool, namespaceId);
}

async function remember(pool: Pool, namespaceId: string): Promise<void> {
  await pool.query('update tem.ledger set temporal_namespace_id = $1, temporal_lost_at = null', [namespaceId]);
}

/** When the loss was noticed first, as Postgres writes it: what runs since then is not to be freed by who goes on. */
async function noticeLoss(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ at: string }>(
    `update tem.ledger set temporal_lost_at = coalesce(temporal_lost_at, clock_timestamp())
     returning temporal_lost_at::text as at`,
  );
  return rows[0]?.at as string;
}

async function describeNamespaceId(client: Client): Promise<string> {
  const answer = await client.workflowService.describeNamespace({ namespace: client.options.namespace });
  return answer.namespaceInfo?.id ?? '';
}
