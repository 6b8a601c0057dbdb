// The loop that keeps indices equal to their tables: the queue first, then "record X changed", then fan-outs, a few batches
// side by side. It sleeps on a bell and looks by itself every second, because a NOTIFY can be lost (rule 11).

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { isUnavailable } from '../../../core/ledger/pool.ts';
import { type Batch, claimRows } from '../queue/claim.ts';
import { releaseBatch } from '../queue/finish.ts';
import { type Catalog, type CatalogReader, createCatalogReader } from './catalog.ts';
import { CHANNEL } from './channel.ts';
import { claimDirty, type DirtyBatch, runDirtyBatch } from './dirty.ts';
import { runFanout } from './fanout.ts';
import { lookForWork, type Waiting } from './look.ts';
import { endLease, freeAbandoned, raiseVersion, renewLease } from './presence.ts';
import { runQueueBatch } from './queue-batch.ts';
import { createSizing } from './sizing.ts';
import { createSleeper } from './sleeper.ts';
import { Troubles } from './troubles.ts';
import type { TargetState } from './write.ts';

export interface ProcessorDependencies {
  pool: pg.Pool;
  targets: Record<string, TargetState>;
  log: Logger;
  /** Calls back at each NOTIFY on the channel. */
  listen(channel: string, onNotify: () => void): void;
  /** Called once for each index that is found to be gone. */
  onMissing(indexId: string): Promise<void>;
}

export interface Processor {
  id: string;
  start(): Promise<void>;
  /** Resolves when nothing is in hand any more. */
  stop(): Promise<void>;
}

const BATCHES_AT_ONCE = 2;
const DIRTY_LIMIT = 500;
const LEASE_EVERY_MS = 3_000;
const SWEEP_EVERY_MS = 5_000;
const AFTER_FAILURE_MS = 500;
const RELEASE_TRIES_MAX = 120;
/** After the bell is armed: a transaction may have looked at it just before. */
const LOOKS_MS = [25, 75, 200, 700];
const ARMED_FOR_MS = 1_100;

export function createProcessor(dependencies: ProcessorDependencies): Processor {
  const { pool, targets, log } = dependencies;
  const id = randomUUID();
  const catalogs = createCatalogReader(pool);
  const sizing = createSizing();
  const stopped = new AbortController();
  const { signal } = stopped;
  const inHand = new Set<Promise<void>>();
  const sleeper = createSleeper(signal);
  const troubles = new Troubles(log);
  let loops: Promise<unknown> = Promise.resolve();
  const available = (name: string): boolean => targets[name]?.breaker.mayAsk() ?? false;
  const work = async (): Promise<boolean> => {
    await askTheTroubled(targets);
    const waiting = await lookForWork(pool, catalogs.last()?.idType !== undefined);
    const catalog = await catalogs.read(waiting.revision);
    const mappings = catalog.mappings.filter((mapping) => troubles.mayRead(mapping));
    const batch = await claimNext(
      dependencies,
      id,
      { ...catalog, mappings },
      { available, limit: sizing.rows(), waiting },
    );
    if (!batch) return waiting.fanout && (await runFanout(pool, mappings, troubles)) > 0;
    const run = handle({ ...dependencies, troubles }, batch, catalogs, sizing)
      .catch((error: Error) => log.error({ error: error.message }, 'a batch failed and is given back'))
      .finally(() => {
        inHand.delete(run);
        sleeper.ring();
      });
    inHand.add(run);
    return true;
  };

  const loop = async (): Promise<void> => {
    let look = 0;
    while (!signal.aborted) {
      try {
        if (inHand.size >= BATCHES_AT_ONCE) {
          await Promise.race(inHand);
          continue;
        }
        if (await work()) {
          look = 0;
          continue;
        }
        if (look === 0) await arm(pool);
        await sleeper.sleep(LOOKS_MS[look] ?? 0);
        look = (look + 1) % LOOKS_MS.length;
      } catch (error) {
        log.warn({ error: (error as Error).message }, 'search sync can not work now, trying again');
        await sleeper.sleep(AFTER_FAILURE_MS);
        // What it was about may be gone.
        await catalogs.read().catch(() => {});
      }
    }
    await Promise.all(inHand);
  };

  const repeat = async (everyMs: number, run: () => Promise<unknown>): Promise<void> => {
    while (!signal.aborted) {
      await pause(everyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await run().catch((error: Error) => log.debug({ error: error.message }, 'not now'));
    }
  };

  return {
    id,
    async start() {
      dependencies.listen(CHANNEL, sleeper.ring);
      loops = Promise.all([
        renewLease(pool, id)
          .catch(() => {})
          .then(loop),
        repeat(LEASE_EVERY_MS, () => renewLease(pool, id)),
        repeat(SWEEP_EVERY_MS, async () => {
          const freed = await freeAbandoned(pool, catalogs.last()?.idType);
          if (freed > 0) log.warn({ rows: freed }, 'rows that nobody had are taken again');
          await raiseVersion(pool);
        }),
      ]);
    },
    async stop() {
      stopped.abort();
      await loops;
      await endLease(pool, id).catch(() => {});
    },
  };
}

/** Until then commits ring. */
async function arm(pool: pg.Pool): Promise<void> {
  await pool.query(`select setval('tem.search_bell', (tem.clock_us() + $1 * 1000::float8)::bigint)`, [ARMED_FOR_MS]);
}

type Claimed = { queue: Batch } | { dirty: DirtyBatch };

/** The queue goes first; a fan-out of 100,000 records waits behind single changes. */
async function claimNext(
  { pool }: ProcessorDependencies,
  processorId: string,
  catalog: Catalog,
  { available, limit, waiting }: { available: (target: string) => boolean; limit: number; waiting: Waiting },
): Promise<Claimed | undefined> {
  if (catalog.idType === undefined) return undefined;
  const queueNames = catalog.mappings
    .filter(({ indices }) => indices.some(({ target }) => available(target)))
    .map(({ queueName }) => queueName);
  const queue =
    queueNames.length === 0 || !waiting.queue
      ? undefined
      : await claimRows(pool, { processorId, queueNames, limit, idType: catalog.idType });
  if (queue) return { queue };
  const indexIds = catalog.mappings.flatMap(({ indices }) =>
    indices.filter(({ target }) => available(target)).map(({ id }) => id),
  );
  const dirty =
    indexIds.length === 0 || !waiting.dirty
      ? undefined
      : await claimDirty(pool, { processorId, indexIds, limit: Math.min(limit, DIRTY_LIMIT) });
  return dirty && { dirty };
}

async function handle(
  dependencies: ProcessorDependencies & { troubles: Troubles },
  claimed: Claimed,
  catalogs: CatalogReader,
  sizing: ReturnType<typeof createSizing>,
): Promise<void> {
  const { pool, log } = dependencies;
  const { id, revision: seen } = 'queue' in claimed ? claimed.queue : claimed.dirty;
  let catalog: Catalog | undefined;
  try {
    catalog = await catalogs.read(seen);
    const result =
      'queue' in claimed
        ? await runQueueBatch(dependencies, claimed.queue, catalog)
        : await runDirtyBatch(dependencies, claimed.dirty, catalog);
    sizing.learn(result);
    for (const indexId of result.missing) await dependencies.onMissing(indexId);
  } catch (error) {
    if (!isUnavailable(error)) log.error({ err: error }, 'a batch could not be worked on');
    await release(pool, id, catalog?.idType ?? catalogs.last()?.idType ?? 'bigint');
  }
}

/** Until Postgres is back; a processor that dies meanwhile loses its lease, and with it the batch. */
async function release(pool: pg.Pool, batchId: string, idType: string): Promise<void> {
  for (let attempt = 1; attempt <= RELEASE_TRIES_MAX; attempt += 1) {
    try {
      return await releaseBatch(pool, batchId, idType);
    } catch {
      await pause(AFTER_FAILURE_MS);
    }
  }
}

/** A target that failed is asked a small question before it gets a batch. */
async function askTheTroubled(targets: Record<string, TargetState>): Promise<void> {
  for (const { target, breaker } of Object.values(targets)) {
    if (!breaker.isProbing() || !breaker.mayAsk()) continue;
    await target.describe().catch((error: Error) => breaker.failed(error.message));
  }
}
