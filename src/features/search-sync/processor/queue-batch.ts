// What becomes of one batch of the queue: every record written to the indices of its mapping, and each of its rows marked by
// the outcome.

import type { Mapping } from '../mapping.ts';
import type { Batch, ClaimedRecord } from '../queue/claim.ts';
import { type Finished, finishBatch } from '../queue/finish.ts';
import { type Outcome, refusalText } from '../target/bulk.ts';
import type { Catalog } from './catalog.ts';
import { markDirty } from './dirty.ts';
import { grouped } from './grouped.ts';
import type { Troubles } from './troubles.ts';
import { type WriteDependencies, writeRecords } from './write.ts';

export interface BatchResult {
  done: number;
  later: number;
  refused: number;
  bytes: number;
  /** Indices that are not there any more. */
  missing: string[];
  /** False: another processor has taken it over meanwhile. */
  mine: boolean;
}

/** Throws when Postgres is away; then the batch is still to be released. */
export async function runQueueBatch(
  dependencies: WriteDependencies & { troubles: Troubles },
  batch: Batch,
  catalog: Catalog,
): Promise<BatchResult> {
  const finished: Finished = { done: [], later: [], refused: [] };
  const missing = new Set<string>();
  const dirty: { indexId: string; recordId: string }[] = [];
  let bytes = 0;
  for (const [queueName, records] of grouped(batch.records, (record) => record.queueName)) {
    const mapping = catalog.byQueueName(queueName);
    if (!mapping || mapping.indices.length === 0) {
      finished.later.push(...records.flatMap(({ queueIds }) => queueIds));
      continue;
    }
    const written = await dependencies.troubles.reading(mapping, () =>
      writeRecords(dependencies, mapping, mapping.indices, records),
    );
    if (!written) {
      finished.later.push(...records.flatMap(({ queueIds }) => queueIds));
      continue;
    }
    bytes += written.bytes;
    for (const record of records) {
      const outcomes = written.outcomes.get(record.recordId) ?? new Map<string, Outcome>();
      for (const [indexId, { kind }] of outcomes) if (kind === 'missing') missing.add(indexId);
      settle(mapping, record, outcomes, finished, dirty);
    }
  }
  // Before the rows are marked: a change that only the queue knows must be known elsewhere first.
  if (dirty.length > 0) await markDirty(dependencies.pool, dirty);
  const mine = await finishBatch(dependencies.pool, batch.id, finished, catalog.idType ?? 'bigint');
  return {
    done: finished.done.length,
    later: finished.later.length,
    refused: finished.refused.length,
    bytes,
    missing: [...missing],
    mine,
  };
}

function settle(
  mapping: Mapping,
  record: ClaimedRecord,
  outcomes: Map<string, Outcome>,
  finished: Finished,
  dirty: { indexId: string; recordId: string }[],
): void {
  const all = [...outcomes.values()];
  const refused = all.find((outcome) => outcome.kind === 'refused');
  if (refused?.kind === 'refused') {
    finished.refused.push({ ...record, reason: refusalText(refused) });
    return;
  }
  // One target that is away doesn't hold up another: it gets the record when it is back.
  if (all.some(({ kind }) => kind === 'done')) {
    finished.done.push(record);
    for (const { id } of mapping.indices) {
      if (outcomes.get(id)?.kind !== 'done') dirty.push({ indexId: id, recordId: record.recordId });
    }
    return;
  }
  finished.later.push(...record.queueIds);
}
