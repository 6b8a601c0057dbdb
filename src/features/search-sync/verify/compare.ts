// Compares a table with an index, both ways: ranges of ids by checksum, and where they differ document by document, as text.
// A record with a change on its way is no difference; one that seems to differ is looked at again before it is told.

import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Mapping, SearchIndex } from '../mapping.ts';
import { markDirty } from '../processor/dirty.ts';
import type { TargetState } from '../processor/write.ts';
import { QUEUE, readQueueTable } from '../queue/table.ts';
import { isOfTheData, readSlice } from '../source/read.ts';
import { readStored, readWritten } from '../target/documents.ts';
import { refresh } from '../target/indices.ts';
import type { Target } from '../target/target.ts';
import { checksumOf, digest, digestsOf } from './digests.ts';

const RANGE_RECORDS = 1_000;
/** Records that an answer names; all are counted. */
const NAMED_MAX = 100;
/** A change is in the index well within this, or its row says that it waits. */
const SETTLE_MS = 300;
const LOOKS_MAX = 5;

export type Difference = 'missing' | 'stale' | 'extra';

export interface Comparison {
  checked: number;
  missing: number;
  stale: number;
  extra: number;
  repaired: number;
  records: { id: string; difference: Difference }[];
}

/** How far a comparison is: first the table's records in order of id, then the index's documents in order of their writing. */
export type Position = { phase: 'records'; after: string[] | null } | { phase: 'documents'; after: number | null };

export const BEGINNING: Position = { phase: 'records', after: null };

export interface CompareDependencies {
  pool: pg.Pool;
  targets: Record<string, TargetState>;
}

export interface CompareOptions {
  repair: boolean;
  signal?: AbortSignal;
  /** Rows a second at most; as fast as it goes unless given. */
  ratePerSecond?: number;
  from?: Position;
  /** Ends before everything was compared once this says so. */
  isOver?(): boolean;
}

/** What was found, and where to go on when it ended before everything was compared. Throws TargetAway. */
export async function compareIndex(
  { pool, targets }: CompareDependencies,
  mapping: Mapping,
  index: SearchIndex,
  options: CompareOptions,
): Promise<Comparison & { next?: Position }> {
  const target = targets[index.target]?.target;
  if (!target) throw new Error(`there is no target ${index.target} here`);
  const comparison: Comparison = { checked: 0, missing: 0, stale: 0, extra: 0, repaired: 0, records: [] };
  const bench = { pool, target, mapping, index };
  let position: Position | undefined = options.from ?? BEGINNING;
  if (position.phase === 'documents') await refresh(target, index.name);
  while (position) {
    options.signal?.throwIfAborted();
    if (options.isOver?.()) return { ...comparison, next: position };
    const startedAt = performance.now();
    const step: Step =
      position.phase === 'records'
        ? await compareRecords(bench, position.after)
        : await compareDocuments(bench, position.after);
    if (step.suspects.length > 0) await tell(bench, comparison, await settle(bench, step.suspects), options.repair);
    if (position.phase === 'records') comparison.checked += step.looked;
    position = step.next;
    await paced(options, step.looked, startedAt);
  }
  return comparison;
}

interface Step {
  looked: number;
  suspects: string[];
  next: Position | undefined;
}

/** The next range of the table against the documents of the same ids. */
async function compareRecords(bench: Bench, after: string[] | null): Promise<Step> {
  const { pool, target, mapping, index } = bench;
  const { ids, parts } = await readSlice(pool, mapping, after, RANGE_RECORDS);
  const suspects = ids.length === 0 ? [] : await suspectsOf(bench, ids);
  if (ids.length === RANGE_RECORDS) {
    return { looked: ids.length, suspects, next: { phase: 'records', after: parts.at(-1) ?? null } };
  }
  // What was written until now is to be seen by the walk.
  await refresh(target, index.name);
  return { looked: ids.length, suspects, next: { phase: 'documents', after: null } };
}

/** The next documents of the index: those that no record has. */
async function compareDocuments({ pool, target, mapping, index }: Bench, after: number | null): Promise<Step> {
  const { ids, next } = await readWritten(target, index.name, after);
  const { digests, unreadable } = await digestsOf(pool, mapping, ids);
  return {
    looked: ids.length,
    suspects: ids.filter((id) => !digests.has(id) && !unreadable.has(id)),
    next: next === undefined ? undefined : { phase: 'documents', after: next },
  };
}

async function tell(
  { pool, index }: Bench,
  comparison: Comparison,
  differences: ReadonlyMap<string, Difference>,
  repair: boolean,
): Promise<void> {
  for (const [id, difference] of differences) {
    comparison[difference] += 1;
    if (comparison.records.length < NAMED_MAX) comparison.records.push({ id, difference });
  }
  if (!repair || differences.size === 0) return;
  await markDirty(
    pool,
    [...differences.keys()].map((recordId) => ({ indexId: index.id, recordId })),
  );
  comparison.repaired += differences.size;
}

interface Bench {
  pool: pg.Pool;
  target: Target;
  mapping: Mapping;
  index: SearchIndex;
}

/** The records of a range that look different; none when the checksums of both sides agree. */
async function suspectsOf({ pool, target, mapping, index }: Bench, ids: readonly string[]): Promise<string[]> {
  const [stored, checksum] = await Promise.all([
    readStored(target, index.name, ids),
    checksumOf(pool, mapping, ids).catch((error: unknown) => {
      if (!isOfTheData(error)) throw error;
      return undefined;
    }),
  ]);
  const theirs = createHash('md5');
  for (const id of ids) theirs.update(digest(stored.get(id) ?? ''));
  if (theirs.digest('hex') === checksum) return [];
  const { digests, unreadable } = await digestsOf(pool, mapping, ids);
  return ids.filter((id) => {
    const text = stored.get(id);
    if (unreadable.has(id)) return false;
    return text === undefined ? digests.has(id) : digests.get(id) !== digest(text);
  });
}

/** Looks again while a change of the record is on its way; what still differs then, differs. */
async function settle(
  { pool, target, mapping, index }: Bench,
  ids: readonly string[],
): Promise<Map<string, Difference>> {
  let left = [...ids];
  let differences = new Map<string, Difference>();
  for (let look = 0; look < LOOKS_MAX && left.length > 0; look += 1) {
    if (look > 0) await pause(SETTLE_MS);
    const before = await onTheWay(pool, mapping, index, left);
    const [stored, { digests, unreadable }] = await Promise.all([
      readStored(target, index.name, left),
      digestsOf(pool, mapping, left),
    ]);
    const after = await onTheWay(pool, mapping, index, left);
    differences = new Map();
    const moving: string[] = [];
    for (const id of left) {
      const difference = differenceOf(stored.get(id), digests.get(id));
      if (difference === undefined || unreadable.has(id)) continue;
      if (before.has(id) || after.has(id)) moving.push(id);
      else differences.set(id, difference);
    }
    // A change may have been written between the two reads and be marked already: once more without haste.
    left = look === 0 ? [...differences.keys(), ...moving] : moving;
    if (look > 0 && moving.length === 0) break;
  }
  return differences;
}

function differenceOf(stored: string | undefined, wanted: string | undefined): Difference | undefined {
  if (stored === undefined) return wanted === undefined ? undefined : 'missing';
  if (wanted === undefined) return 'extra';
  return digest(stored) === wanted ? undefined : 'stale';
}

async function onTheWay(
  pool: pg.Pool,
  mapping: Mapping,
  index: SearchIndex,
  ids: readonly string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  if (await readQueueTable(pool)) {
    const { rows } = await pool.query<{ id: string }>(
      `select q.record_id as id from ${QUEUE} q where q.table_name = $1 and q.record_id = any($2::text[])
        and q.status in ('pending', 'processing', 'failed')`,
      [mapping.queueName, ids],
    );
    for (const { id } of rows) found.add(id);
  }
  const dirty = await pool.query<{ id: string }>(
    'select d.record_id as id from tem.search_dirty d where d.index_id = $1 and d.record_id = any($2::text[])',
    [index.id, ids],
  );
  for (const { id } of dirty.rows) found.add(id);
  return found;
}

async function paced({ ratePerSecond, signal }: CompareOptions, rows: number, startedAt: number): Promise<void> {
  if (ratePerSecond === undefined) return;
  const wait = (rows / ratePerSecond) * 1_000 - (performance.now() - startedAt);
  if (wait > 0) await pause(wait, undefined, { ...(signal && { signal }) });
}
