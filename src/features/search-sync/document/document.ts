// The event of one refused document: it is read and written anew at each attempt, so that it goes through as soon as the
// record is corrected. Its rows in the queue show how far it is. A target that is away uses up no attempt.

import type pg from 'pg';
import { NotRetryable } from '../../../core/errors.ts';
import { defineEventType, type EventType } from '../../../core/event-type.ts';
import { DocumentPayload } from '../messages.ts';
import { sparingAttempts } from '../outage.ts';
import { drawVersion, type TargetState, writeRecords } from '../processor/write.ts';
import { QUEUE } from '../queue/table.ts';
import { readMappings } from '../store.ts';
import { refusalText } from '../target/bulk.ts';
import { TargetAway } from '../target/target.ts';
import { DOCUMENT_TYPE } from './type.ts';

export interface DocumentDependencies {
  pool: pg.Pool;
  targets: Record<string, TargetState>;
}

/** `dependencies` is asked for when an attempt needs it. */
export function documentType(attempts: number, dependencies: () => DocumentDependencies): EventType {
  return defineEventType({
    name: DOCUMENT_TYPE,
    payload: DocumentPayload,
    retry: { maxAttempts: attempts, base: '2s', cap: '5m' },
    timeout: '2m',
    handle: ({ payload, attempt, maxAttempts }) =>
      sparingAttempts(() => writeDocument(dependencies(), payload, { attempt, maxAttempts })),
  });
}

async function writeDocument(
  { pool, targets }: DocumentDependencies,
  payload: DocumentPayloadValue,
  { attempt, maxAttempts }: { attempt: number; maxAttempts: number },
): Promise<unknown> {
  const mapping = (await readMappings(pool)).find(({ queueName }) => queueName === payload.table);
  if (!mapping) return { result: 'the table is not mapped any more' };
  if (mapping.indices.length === 0) throw new TargetAway(`the index of ${payload.table} is being made`);
  const record = { recordId: payload.id, version: await drawVersion(pool) };
  const { outcomes } = await writeRecords({ pool, targets }, mapping, mapping.indices, [record]);
  const found = [...(outcomes.get(payload.id)?.values() ?? [])];
  const refused = found.find((outcome) => outcome.kind === 'refused');
  if (refused?.kind === 'refused') {
    const text = refusalText(refused);
    await noteFailure(pool, payload, attempt, maxAttempts, text);
    throw attempt >= maxAttempts ? new NotRetryable(text) : new Error(text);
  }
  for (const outcome of found) {
    if (outcome.kind === 'later') throw new TargetAway(outcome.reason);
    if (outcome.kind === 'missing') throw new TargetAway(`the index of ${payload.table} is not there`);
  }
  await noteSuccess(pool, payload);
  return { result: 'indexed' };
}

async function noteFailure(
  pool: pg.Pool,
  { table, id }: DocumentPayloadValue,
  attempt: number,
  maxAttempts: number,
  reason: string,
): Promise<void> {
  const text = attempt >= maxAttempts ? `Max retries exceeded (${attempt}/${maxAttempts}): ${reason}` : reason;
  await pool.query(
    `update ${QUEUE} set retry_count = $3, error_message = $4, processed_at = clock_timestamp()
      where status = 'failed' and table_name = $1 and record_id = $2`,
    [table, id, attempt, text],
  );
}

type DocumentPayloadValue = { table: string; id: string };

async function noteSuccess(pool: pg.Pool, { table, id }: DocumentPayloadValue): Promise<void> {
  await pool.query(
    `update ${QUEUE} set status = 'completed', error_message = null, processed_at = clock_timestamp()
      where status = 'failed' and table_name = $1 and record_id = $2`,
    [table, id],
  );
}
