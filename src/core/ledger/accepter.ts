// Accepting for the API: single events that arrive together share a statement, and nobody waits long for a ledger that
// is away, full or locked (rule 15): within two seconds the caller knows, and is told to come again.

import type { Pool, PoolClient } from 'pg';
import { LedgerUnavailable } from '../errors.ts';
import { createGroupCommit } from '../group-commit.ts';
import { valueAt } from '../json/pointer.ts';
import { publishing } from '../tracing/event-spans.ts';
import { inSpan, type Tracing, untraced } from '../tracing/index.ts';
import { createTurns } from '../turns.ts';
import { within } from '../within.ts';
import { type AcceptInput, type AcceptOutcome, acceptEvents } from './accept.ts';
import { isDiskFull, isUnavailable } from './pool.ts';

const GROUP_SIZE_MAX = 250;
const STATEMENTS_MAX = 2;
const WAITING_MAX = 5_000;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** An answer is due within 2 s; the rest is for the way to the client. */
const ANSWER_WITHIN_MS = 1_700;
const BATCH_ANSWER_WITHIN_MS = 15_000;
const DISK_FULL_FOR_MS = 10_000;
const BATCHES_MAX = 2;
const BATCHES_WAITING_MAX = 6;
/** How long a group, a batch or a single event waits for a transaction that holds one of its keys. */
const GROUP_PATIENCE = { lockTimeoutMs: 200, queryTimeoutMs: 3_000 };
const SINGLE_PATIENCE = { lockTimeoutMs: 100, queryTimeoutMs: 3_000 };
const BATCH_PATIENCE = { lockTimeoutMs: 1_000, queryTimeoutMs: 20_000 };

const LOCK_NOT_AVAILABLE = '55P03';
const DEADLOCK = '40P01';

export interface Accepter {
  /** Resolves after the commit. Throws LedgerUnavailable, or the database's error for this event alone. */
  accept(event: AcceptInput, bytes: number): Promise<AcceptOutcome>;
  /** All in one transaction, or none. An event that the ledger can't keep is an Error in its place. */
  acceptBatch(events: AcceptInput[]): Promise<(AcceptOutcome | Error)[]>;
  /** Whether an event was refused within the last 10 s because the ledger's disk is full: smaller ones may still fit. */
  foundDiskFull(): boolean;
}

export function createAccepter(pool: Pool, tracing: Tracing = untraced): Accepter {
  const write = createGroupCommit<AcceptInput, AcceptOutcome>({
    write: (events) => writeGroup(pool, events),
    sizeMax: GROUP_SIZE_MAX,
    statementsMax: STATEMENTS_MAX,
    // Splitting is done here, by writeGroup.
    isShared: () => true,
  });
  let waiting = 0;
  let waitingBytes = 0;
  let diskFullUntil = Number.NEGATIVE_INFINITY;
  const translate = (error: unknown): never => {
    if (isDiskFull(error)) diskFullUntil = performance.now() + DISK_FULL_FOR_MS;
    if (error instanceof LedgerUnavailable || !isUnavailable(error)) throw error;
    throw new LedgerUnavailable('the ledger is away', { cause: error });
  };
  const batches = createTurns(BATCHES_MAX, BATCHES_WAITING_MAX, 'batches wait to be accepted');

  return {
    async accept(event, bytes) {
      if (waiting >= WAITING_MAX || waitingBytes + bytes > WAITING_BYTES_MAX) {
        throw new LedgerUnavailable('too many events wait to be accepted');
      }
      waiting += 1;
      waitingBytes += bytes;
      const span = publishing(tracing, new Set([event.type]), 1);
      const written = write(traced(event, span.context)).finally(() => {
        waiting -= 1;
        waitingBytes -= bytes;
      });
      const answer = answerOf(ANSWER_WITHIN_MS, written).catch(translate);
      return inSpan(span, () => answer, tellOutcome);
    },
    acceptBatch(events) {
      let gone = false;
      const span = publishing(tracing, new Set(events.map(({ type }) => type)), events.length);
      // A turn lasts as long as the work, not as long as its caller waits.
      const written = batches(() => {
        if (gone) throw new LedgerUnavailable('the caller has gone');
        return writeBatch(
          pool,
          events.map((event) => traced(event, span.context)),
        );
      });
      const answer = answerOf(BATCH_ANSWER_WITHIN_MS, written)
        .finally(() => {
          gone = true;
        })
        .catch(translate);
      return inSpan(span, () => answer);
    },
    foundDiskFull: () => performance.now() < diskFullUntil,
  };
}

/** An event that has no trace of its own belongs to that of its acceptance. */
function traced(event: AcceptInput, traceContext: string | undefined): AcceptInput {
  return traceContext === undefined || event.traceContext !== undefined ? event : { ...event, traceContext };
}

function tellOutcome({ id, status }: AcceptOutcome): ReturnType<NonNullable<Parameters<typeof inSpan>[2]>> {
  return { attributes: { 'messaging.message.id': id, 'tem.event.outcome': status } };
}

/** The answer, or LedgerUnavailable in time. What is under way goes on: whoever repeats with the same key finds it. */
function answerOf<Value>(limitMs: number, answer: Promise<Value>): Promise<Value> {
  return within(limitMs, answer, () => new LedgerUnavailable(`no answer from the ledger in ${limitMs} ms`));
}

/** One statement for all; when it fails for one row or its lock, one statement for each. */
async function writeGroup(pool: Pool, events: AcceptInput[]): Promise<(AcceptOutcome | Error)[]> {
  try {
    return await acceptEvents(pool, events, GROUP_PATIENCE);
  } catch (error) {
    if (isUnavailable(error) && !isContention(error)) throw error;
    if (events.length === 1) return [asOutcome(error)];
  }
  // Events without a key of their own or an order can't wait for anybody: they go first and together.
  const free = events.filter((event) => event.key === undefined && event.orderBy === undefined);
  const outcomes = new Map<AcceptInput, AcceptOutcome | Error>();
  if (free.length > 0 && free.length < events.length) {
    const written = await writeGroup(pool, free);
    free.forEach((event, index) => outcomes.set(event, written[index] as AcceptOutcome | Error));
  }
  const held = new Map<string, Error>();
  for (const event of events) {
    if (outcomes.has(event)) continue;
    const { type, key, orderBy, payload } = event;
    const name = JSON.stringify(orderBy === undefined ? [type, key] : [type, { value: valueAt(payload, orderBy) }]);
    const attempt = async () => held.get(name) ?? (await acceptEvents(pool, [event], SINGLE_PATIENCE))[0];
    const outcome = (await attempt().catch(asOutcome)) as AcceptOutcome | Error;
    if (outcome instanceof LedgerUnavailable) held.set(name, outcome);
    outcomes.set(event, outcome);
  }
  return events.map((event) => outcomes.get(event) as AcceptOutcome | Error);
}

function isContention(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === LOCK_NOT_AVAILABLE || code === DEADLOCK;
}

function asOutcome(error: unknown): Error {
  if (isContention(error))
    return new LedgerUnavailable('another transaction holds this key or value', { cause: error });
  return error as Error;
}

async function writeBatch(pool: Pool, events: AcceptInput[]): Promise<(AcceptOutcome | Error)[]> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const outcomes = await writeSplitting(client, events);
    await client.query('commit');
    return outcomes;
  } catch (error) {
    // A connection whose server went silent would hold the rollback up too.
    if (isUnavailable(error)) broken = error as Error;
    else {
      await client.query('rollback').catch((failure: Error) => {
        broken = failure;
      });
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Halves a set that fails until the bad event stands alone; the rest of the transaction goes on. */
async function writeSplitting(client: PoolClient, events: AcceptInput[]): Promise<(AcceptOutcome | Error)[]> {
  if (events.length === 0) return [];
  await client.query('savepoint split');
  try {
    const outcomes = await acceptEvents(client, events, BATCH_PATIENCE);
    await client.query('release savepoint split');
    return outcomes;
  } catch (error) {
    if (isUnavailable(error)) throw error;
    await client.query('rollback to savepoint split');
    if (events.length === 1) return [error as Error];
    const middle = events.length >> 1;
    const first = await writeSplitting(client, events.slice(0, middle));
    return [...first, ...(await writeSplitting(client, events.slice(middle)))];
  }
}
