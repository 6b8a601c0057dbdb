// Brings records to indices: reads each document once, in parts that fit into memory, and writes it to every index of its
// mapping. What became of a record is told for each index.

import type pg from 'pg';
import type { Mapping, SearchIndex } from '../mapping.ts';
import { readDocuments } from '../source/read.ts';
import { type BulkAction, bulk, type Outcome } from '../target/bulk.ts';
import { type Target, TargetAway } from '../target/target.ts';
import type { Breaker } from './breaker.ts';

export interface TargetState {
  target: Target;
  breaker: Breaker;
}

export interface VersionedRecord {
  recordId: string;
  /** Drawn before this is called. */
  version: string;
}

export interface Written {
  /** By record, then by id of the index. */
  outcomes: Map<string, Map<string, Outcome>>;
  bytes: number;
}

/** One request; both products take 100 MB, and are quickest with far less. */
export const BULK_BYTES_MAX = 4_000_000;
/** Documents read so long ago are read anew instead of written. */
export const ABANDON_AFTER_MS = 300_000;

export interface WriteDependencies {
  pool: pg.Pool;
  targets: Record<string, TargetState>;
}

/** Before what is written with it is read: it tells the states of one record apart. */
export async function drawVersion(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ version: string }>(`select nextval('tem.search_version')::text as version`);
  return rows[0]?.version ?? '0';
}

/** Never throws for what a target or a document does wrong; throws when Postgres can't be read. */
export async function writeRecords(
  { pool, targets }: WriteDependencies,
  mapping: Mapping,
  indices: readonly SearchIndex[],
  records: readonly VersionedRecord[],
): Promise<Written> {
  const outcomes = new Map<string, Map<string, Outcome>>();
  const note = (recordId: string, indexId: string, outcome: Outcome): void => {
    const ofRecord = outcomes.get(recordId) ?? new Map<string, Outcome>();
    outcomes.set(recordId, ofRecord.set(indexId, outcome));
  };
  const versions = new Map(records.map(({ recordId, version }) => [recordId, version]));
  const abandonAt = performance.now() + ABANDON_AFTER_MS;
  let written = 0;
  let left = [...versions.keys()];
  while (left.length > 0) {
    if (performance.now() > abandonAt) {
      for (const id of left)
        for (const index of indices) note(id, index.id, { kind: 'later', reason: 'it took too long' });
      break;
    }
    const { documents, absent, rest, failed } = await readDocuments(pool, mapping, left, BULK_BYTES_MAX);
    for (const { id, reason } of failed) {
      for (const index of indices) note(id, index.id, { kind: 'refused', reason, field: undefined });
    }
    const actions: BulkAction[] = [
      ...documents.map(({ id, json }) => ({ id, json, version: versions.get(id) ?? '0' })),
      ...absent.map((id) => ({ id, version: versions.get(id) ?? '0' })),
    ];
    written += documents.reduce((sum, { json }) => sum + json.length, 0);
    if (actions.length > 0) {
      await Promise.all(
        indices.map(async (index) => {
          const found = await writeTo(targets[index.target], index, actions);
          for (const [at, outcome] of found.entries()) note(actions[at]?.id ?? '', index.id, outcome);
        }),
      );
    }
    left = rest;
  }
  return { outcomes, bytes: written };
}

/** One bulk. Never throws for what the target does wrong. */
export async function writeTo(
  state: TargetState | undefined,
  index: SearchIndex,
  actions: readonly BulkAction[],
): Promise<Outcome[]> {
  const later = (reason: string): Outcome[] => actions.map(() => ({ kind: 'later', reason }));
  if (!state) return later(`this process has no target ${index.target}`);
  const { target, breaker } = state;
  if (!breaker.mayAsk()) return later(breaker.trouble ?? 'the target is away');
  try {
    const outcomes = await bulk(target, index.name, actions);
    const passing = outcomes.find((outcome) => outcome.kind === 'later');
    if (passing?.kind === 'later') breaker.failed(passing.reason);
    else breaker.succeeded();
    return outcomes;
  } catch (error) {
    if (!(error instanceof TargetAway)) throw error;
    breaker.failed(error.message);
    return later(error.message);
  }
}
