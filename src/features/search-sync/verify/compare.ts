// Compares a table with an index, both ways: ranges of ids by checksum, and where they differ document by document, as text.
// A record with a change on its way is no difference; one that seems to differ is looked at again before it is told.

import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Mapping, SearchIndex } from '../mapping.ts';
import { markDirty } from '../processor/dirty.ts';
import type { TargetState } from '../processor/write.ts';
import { QUEUE, readQueueTable } from '../queue/table.ts';
import { idIn, idParameters, idSql, splitId } from '../source/identity.ts';
import { documentSql, readSlice, sourceSql } from '../source/read.ts';
import { readStored, walkIds } from '../target/documents.ts';
import { refresh } from '../target/indices.ts';
import type { Target } from '../target/target.ts';

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

export interface CompareDependencies {
  pool: pg.Pool;
  targets: Record<string, TargetState>;
}

export interface CompareOptions {
  repair: boolean;
  signal?: AbortSignal;
  /** Rows a second at most; as fast as it goes unless given. */
  ratePerSecond?: number;
}

/** Throws TargetAway when the target can't be asked. */
export async function compareIndex(
  { pool, targets }: CompareDependencies,
  mapping: Mapping,
  index: SearchIndex,
  options: CompareOptions,
): Promise<Comparison> {
  const target = targets[index.target]?.target;
  if (!target) throw new Error(`there is no target ${index.target} here`);
  const comparison: Comparison = { checked: 0, missing: 0, stale: 0, extra: 0, repaired: 0, records: [] };
  const bench = { pool, target, mapping, index };
  const tell = async (ids: readonly string[], suspected: number): Promise<void> => {
    if (suspected === 0) return;
    const differences = await settle(bench, ids);
    for (const [id, difference] of differences) {
      comparison[difference] += 1;
      if (comparison.records.length < NAMED_MAX) comparison.records.push({ id, difference });
    }
    if (options.repair && differences.size > 0) {
      await markDirty(
        pool,
        [...differences.keys()].map((recordId) => ({ indexId: index.id, recordId })),
      );
      comparison.repaired += differences.size;
    }
  };
  let cursor: string[] | null = null;
  for (;;) {
    options.signal?.throwIfAborted();
    const startedAt = performance.now();
    const { ids, parts } = await readSlice(pool, mapping, cursor, RANGE_RECORDS);
    if (ids.length === 0) break;
    cursor = parts.at(-1) ?? null;
    const suspects = await suspectsOf(bench, ids);
    await tell(suspects, suspects.length);
    comparison.checked += ids.length;
    await paced(options, ids.length, startedAt);
    if (ids.length < RANGE_RECORDS) break;
  }
  await refresh(target, index.name);
  for await (const ids of walkIds(target, index.name)) {
    options.signal?.throwIfAborted();
    const startedAt = performance.now();
    const present = await digestsOf(pool, mapping, ids);
    const extras = ids.filter((id) => !present.has(id));
    await tell(extras, extras.length);
    await paced(options, ids.length, startedAt);
  }
  return comparison;
}

interface Bench {
  pool: pg.Pool;
  target: Target;
  mapping: Mapping;
  index: SearchIndex;
}

/** The records of a range that look different; none when the checksums of both sides agree. */
async function suspectsOf({ pool, target, mapping, index }: Bench, ids: readonly string[]): Promise<string[]> {
  const [stored, checksum] = await Promise.all([readStored(target, index.name, ids), checksumOf(pool, mapping, ids)]);
  const theirs = createHash('md5');
  for (const id of ids) theirs.update(digest(stored.get(id) ?? ''));
  if (theirs.digest('hex') === checksum) return [];
  const digests = await digestsOf(pool, mapping, ids);
  return ids.filter((id) => {
    const text = stored.get(id);
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
    const [stored, digests] = await Promise.all([readStored(target, index.name, left), digestsOf(pool, mapping, left)]);
    const after = await onTheWay(pool, mapping, index, left);
    differences = new Map();
    const moving: string[] = [];
    for (const id of left) {
      const difference = differenceOf(stored.get(id), digests.get(id));
      if (difference === undefined) continue;
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

function digest(text: string): string {
  return text === '' ? '' : createHash('md5').update(text).digest('hex');
}

/** Line ends outside of strings are blanks in the index, as they were sent. */
function lineSql(mapping: Mapping): string {
  return `translate(${documentSql(mapping)}, E'\\r\\n', '  ')`;
}

async function checksumOf(pool: pg.Pool, mapping: Mapping, ids: readonly string[]): Promise<string> {
  const parts = ids.map((id) => splitId(mapping.id, id) ?? []);
  const { rows } = await pool.query<{ checksum: string }>(
    `with read as (select ${idSql(mapping.id, 'd')} as id, md5(${lineSql(mapping)}) as digest from ${sourceSql(mapping)}
        where ${idIn(mapping.id, 'd', 1)})
      select md5(coalesce(string_agg(coalesce(r.digest, ''), '' order by w.n), '')) as checksum
      from unnest($${mapping.id.length + 1}::text[]) with ordinality as w(id, n) left join read r using (id)`,
    [...idParameters(mapping.id, parts), ids],
  );
  return rows[0]?.checksum ?? '';
}

async function digestsOf(pool: pg.Pool, mapping: Mapping, ids: readonly string[]): Promise<Map<string, string>> {
  const parts = ids.flatMap((id) => {
    const split = splitId(mapping.id, id);
    return split ? [split] : [];
  });
  const { rows } = await pool.query<{ id: string; digest: string }>(
    `select ${idSql(mapping.id, 'd')} as id, md5(${lineSql(mapping)}) as digest from ${sourceSql(mapping)}
      where ${idIn(mapping.id, 'd', 1)}`,
    idParameters(mapping.id, parts),
  );
  return new Map(rows.map(({ id, digest: found }) => [id, found]));
}

async function paced({ ratePerSecond, signal }: CompareOptions, rows: number, startedAt: number): Promise<void> {
  if (ratePerSecond === undefined) return;
  const wait = (rows / ratePerSecond) * 1_000 - (performance.now() - startedAt);
  if (wait > 0) await pause(wait, undefined, { ...(signal && { signal }) });
}
