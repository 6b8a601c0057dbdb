// Fills an index from its table in slices of id: while some are written the next is read. Changes come in meanwhile by the
// queue; versions decide which is newer, because each is drawn before its read (rule 24).

import type pg from 'pg';
import type { Mapping, SearchIndex } from '../mapping.ts';
import { markDirty } from '../processor/dirty.ts';
import {
  ABANDON_AFTER_MS,
  BULK_BYTES_MAX,
  drawVersion,
  type VersionedRecord,
  type WriteDependencies,
  writeRecords,
  writeTo,
} from '../processor/write.ts';
import { readDocumentSlice, readSlice, type Slice } from '../source/read.ts';

const SLICE_RECORDS_MAX = 1_000;
/** A target works on one bulk of an index with one processor. */
const WRITTEN_AT_ONCE = 2;

/** The index isn't to be loaded any more: it was cancelled, or its table detached. */
export class LoadEnded extends Error {
  override readonly name = 'LoadEnded';
}

export interface FillOptions {
  /** The last row that is there already. */
  from: readonly string[] | null;
  signal: AbortSignal;
  /** Called in order, once everything up to this row is there. */
  onSlice(cursor: readonly string[], rows: number): Promise<void>;
}

interface ReadSlice {
  /** Undefined: these ids are to be read for themselves. */
  documents: Slice['documents'] | undefined;
  ids: string[];
  refused: string[];
  last: string[] | null;
  version: string;
  readAt: number;
}

/** Resolves when every row is there that was there when its slice was read. Throws LoadEnded. */
export async function fillIndex(
  dependencies: WriteDependencies,
  mapping: Mapping,
  index: SearchIndex,
  { from, signal, onSlice }: FillOptions,
): Promise<void> {
  const writing: { slice: ReadSlice; done: Promise<void> }[] = [];
  const settleOldest = async (): Promise<void> => {
    const oldest = writing[0];
    await oldest?.done;
    writing.shift();
    if (oldest?.slice.last) await onSlice(oldest.slice.last, oldest.slice.ids.length);
  };
  const read = createReader(dependencies.pool, mapping);
  try {
    let next = read(from);
    for (;;) {
      signal.throwIfAborted();
      const slice = await next;
      if (slice.last === null) break;
      next = read(slice.last);
      next.catch(() => {});
      const done = writeSlice(dependencies, mapping, index, slice, signal);
      done.catch(() => {});
      writing.push({ slice, done });
      if (writing.length === WRITTEN_AT_ONCE) await settleOldest();
    }
    while (writing.length > 0) await settleOldest();
  } finally {
    // Nothing of a load that broke off is under way when it is tried again.
    await Promise.allSettled(writing.map(({ done }) => done));
  }
}

function createReader(pool: pg.Pool, mapping: Mapping): (after: readonly string[] | null) => Promise<ReadSlice> {
  let limit = SLICE_RECORDS_MAX;
  return async (after) => {
    const version = await drawVersion(pool);
    const readAt = performance.now();
    const slice = await readDocumentSlice(pool, mapping, after, { limit, bytesMax: BULK_BYTES_MAX });
    if (slice === undefined) {
      const { ids, parts } = await readSlice(pool, mapping, after, limit);
      return { documents: undefined, ids, refused: [], last: parts.at(-1) ?? null, version, readAt };
    }
    const refused = slice.failed.map(({ id }) => id);
    const ids = [...slice.documents.map(({ id }) => id), ...refused];
    // Postgres makes documents of all rows of the limit, also of those that find no room.
    limit = Math.min(SLICE_RECORDS_MAX, Math.max(1, ids.length * 2));
    return { ...slice, ids, refused, version, readAt };
  };
}

/** Until every record of the slice is there; what the target refuses becomes the processor's and the queue's business. */
async function writeSlice(
  dependencies: WriteDependencies,
  mapping: Mapping,
  index: SearchIndex,
  { documents, ids, refused, version, readAt }: ReadSlice,
  signal: AbortSignal,
): Promise<void> {
  const { pool, targets } = dependencies;
  let left: readonly string[] = ids;
  const gone = [...refused];
  if (documents && performance.now() - readAt < ABANDON_AFTER_MS) {
    const actions = documents.map(({ id, json }) => ({ id, json, version }));
    const outcomes = actions.length === 0 ? [] : await writeTo(targets[index.target], index, actions);
    left = actions.flatMap(({ id }, at) => {
      const kind = outcomes[at]?.kind;
      if (kind === 'missing') throw new LoadEnded('the index is gone');
      if (kind === 'refused') gone.push(id);
      return kind === 'later' ? [id] : [];
    });
  }
  while (left.length > 0) {
    signal.throwIfAborted();
    await targets[index.target]?.breaker.untilOpen(signal);
    const { outcomes } = await writeRecords(dependencies, mapping, [index], await withVersions(pool, left));
    const kindOf = (id: string) => outcomes.get(id)?.get(index.id)?.kind;
    if (left.some((id) => kindOf(id) === 'missing')) throw new LoadEnded('the index is gone');
    gone.push(...left.filter((id) => kindOf(id) === 'refused'));
    left = left.filter((id) => kindOf(id) === 'later');
  }
  // As a batch does with it: it leaves, and gets an event of its own.
  if (gone.length > 0)
    await markDirty(
      pool,
      gone.map((recordId) => ({ indexId: index.id, recordId })),
    );
}

/** One version for all: it tells the states of one record apart. */
async function withVersions(pool: pg.Pool, ids: readonly string[]): Promise<VersionedRecord[]> {
  const version = await drawVersion(pool);
  return ids.map((recordId) => ({ recordId, version }));
}
