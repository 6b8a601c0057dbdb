// Search sync on a real Postgres and a real OpenSearch: a database of the test's own, indices with names of the test's own,
// processors that run in the test's process.

import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { pino } from 'pino';
import { describe, inject, onTestFinished } from 'vitest';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { attach } from '../../../src/features/search-sync/attach/attach.ts';
import { planMapping } from '../../../src/features/search-sync/attach/plan.ts';
import { runLoad } from '../../../src/features/search-sync/load/load.ts';
import type { Mapping } from '../../../src/features/search-sync/mapping.ts';
import type { MappingInput } from '../../../src/features/search-sync/messages.ts';
import { Breaker } from '../../../src/features/search-sync/processor/breaker.ts';
import { createProcessor, type Processor } from '../../../src/features/search-sync/processor/processor.ts';
import type { TargetState } from '../../../src/features/search-sync/processor/write.ts';
import type { TargetSettings } from '../../../src/features/search-sync/settings.ts';
import { sourcePool } from '../../../src/features/search-sync/source/pool.ts';
import { readStored } from '../../../src/features/search-sync/target/documents.ts';
import { createTarget, type Target } from '../../../src/features/search-sync/target/target.ts';
import { type Comparison, compareIndex } from '../../../src/features/search-sync/verify/compare.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

/** As `describe`; the tests are counted as skipped with TEM_TEST_SKIP_SEARCH=1. */
export const describeSearch = describe.skipIf(process.env.TEM_TEST_SKIP_SEARCH === '1');

/** The address of the test run's OpenSearch. */
export async function openSearchUrl(): Promise<string> {
  const answer = await fetch(inject('openSearchDoor'));
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${text}. TEM_TEST_SKIP_SEARCH=1 skips the tests of search sync.`);
  return text;
}

export interface Scene {
  databaseUrl: string;
  pool: pg.Pool;
  url: string;
  target: Target;
  targets: Record<string, TargetState>;
  /** A name that no other test has. */
  index: string;
  attach(table: string, input?: Partial<MappingInput>): Promise<Mapping>;
  /** Fills all indices of a mapping that are loading. */
  load(mapping: Mapping): Promise<void>;
  startProcessor(): Promise<Processor>;
  /** The stored text of a document of the mapping's newest index. */
  stored(mapping: Mapping, id: string): Promise<string | undefined>;
  compare(mapping: Mapping, repair?: boolean): Promise<Comparison>;
  /** Resolves when no row waits and none is in hand. */
  drained(timeoutMs?: number): Promise<void>;
  search(path: string, body?: unknown): Promise<Record<string, unknown>>;
}

export async function setup(
  given: { url?: string; settings?: TargetSettings; database?: { databaseUrl: string } } = {},
): Promise<Scene> {
  const { databaseUrl } = given.database ?? (await createDatabase());
  const pool = sourcePool(databaseUrl, 8, 'tem search test');
  const url = given.url ?? (await openSearchUrl());
  const target = createTarget(given.settings ?? { name: 'default', url, apiKey: undefined, ca: undefined });
  const targets = { default: { target, breaker: new Breaker() } };
  const log = pino({ level: process.env.TEM_LOG_LEVEL ?? 'silent' });
  const index = `t-${randomBytes(6).toString('hex')}`;
  const dependencies = { pool, targets, log, keepReplacedMs: 60_000 };
  const signal = new AbortController().signal;
  onTestFinished(async () => {
    await fetch(`${url}/${index}*`, { method: 'DELETE' }).catch(() => {});
    await target.close();
    await pool.end();
  });
  const newest = (mapping: Mapping) => mapping.indices.at(-1)!;
  return {
    databaseUrl,
    pool,
    url,
    target,
    targets,
    index,
    async attach(table, input = {}) {
      const plan = await planMapping(pool, table, { index, ...input }, Object.keys(targets));
      const { mapping } = await attach({ pool, targets: { default: target }, log }, plan);
      return mapping;
    },
    async load(mapping) {
      for (const { id, state } of mapping.indices) {
        if (state === 'loading') await runLoad(dependencies, id, { signal, progress: () => {} });
      }
    },
    async startProcessor() {
      const listener = createListener(databaseUrl, log);
      const processor = createProcessor({
        pool,
        targets,
        log,
        listen: (channel, onNotify) => listener.listen(channel, onNotify, onNotify),
        onMissing: async () => {},
      });
      await processor.start();
      await listener.ready();
      let running: Promise<void> | undefined;
      const stop = (): Promise<void> => {
        running ??= processor.stop().then(() => listener.stop());
        return running;
      };
      onTestFinished(stop);
      return { ...processor, stop };
    },
    async stored(mapping, id) {
      return (await readStored(target, newest(mapping).name, [id])).get(id);
    },
    compare: (mapping, repair = false) => compareIndex({ pool, targets }, mapping, newest(mapping), { repair }),
    async drained(timeoutMs) {
      await waitFor(async () => {
        const { rows } = await pool.query(
          `select (select count(*) from public.elasticsearch_sync_queue where status in ('pending', 'processing'))
            + (select count(*) from tem.search_dirty) + (select count(*) from tem.search_fanout) as left`,
        );
        return Number(rows[0]?.left) === 0;
      }, timeoutMs);
    },
    async search(path, body) {
      const answer = await fetch(`${url}/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return (await answer.json()) as Record<string, unknown>;
    },
  };
}
