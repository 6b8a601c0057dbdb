// What the answers of `_bulk` mean for records (case Y7), the health of the queue in words, and other rules without a target.

import { expect, test } from 'vitest';
import { Breaker } from '../../../src/features/search-sync/processor/breaker.ts';
import { createSizing } from '../../../src/features/search-sync/processor/sizing.ts';
import { judgeQueue, type QueueLook, type Surroundings } from '../../../src/features/search-sync/queue/stats.ts';
import { idSql, splitId } from '../../../src/features/search-sync/source/identity.ts';
import { CallLimit } from '../../../src/features/search-sync/suggest.ts';
import { bulk } from '../../../src/features/search-sync/target/bulk.ts';
import { settingsWarnings } from '../../../src/features/search-sync/target/index-body.ts';
import type { Answer, Target } from '../../../src/features/search-sync/target/target.ts';
import { keepsAt } from '../../../src/features/search-sync/watch/queue-length.ts';
import { startedAnew } from '../../../src/features/search-sync/watch/targets.ts';

function answering(answer: Answer): Target {
  return {
    name: 'default',
    request: async () => answer,
    describe: async () => ({ product: 'opensearch', version: '2' }),
    close: async () => {},
  };
}

test('Y7: items of one bulk are judged one by one', async () => {
  const actions = Array.from({ length: 1_000 }, (_, n) => ({
    id: String(n),
    version: '1',
    ...(n !== 700 && { json: '{}' }),
  }));
  const items = actions.map((_, n) => {
    if (n === 17)
      return {
        index: {
          status: 400,
          error: { type: 'mapper_parsing_exception', reason: 'failed to parse field [price] of type [double]' },
        },
      };
    if (n >= 500 && n <= 520)
      return { index: { status: 429, error: { type: 'rejected_execution_exception', reason: 'full' } } };
    if (n === 700) return { delete: { status: 404 } };
    if (n === 900)
      return { index: { status: 409, error: { type: 'version_conflict_engine_exception', reason: 'newer' } } };
    return { index: { status: 200 } };
  });
  const outcomes = await bulk(answering({ status: 200, text: JSON.stringify({ errors: true, items }) }), 'i', actions);
  expect(outcomes.filter(({ kind }) => kind === 'done')).toHaveLength(978);
  expect(outcomes.filter(({ kind }) => kind === 'later')).toHaveLength(21);
  expect(outcomes[17]).toMatchObject({ kind: 'refused', field: 'price' });
});

test('a full target and a block are waited for; an index that is gone is told; nonsense is no answer', async () => {
  const one = [{ id: '1', version: '1', json: '{}' }];
  const item = (status: number, type: string) =>
    answering({
      status: 200,
      text: JSON.stringify({ errors: true, items: [{ index: { status, error: { type, reason: 'r' } } }] }),
    });
  expect(await bulk(item(403, 'cluster_block_exception'), 'i', one)).toMatchObject([{ kind: 'later' }]);
  expect(await bulk(item(503, 'unavailable_shards_exception'), 'i', one)).toMatchObject([{ kind: 'later' }]);
  expect(await bulk(item(404, 'index_not_found_exception'), 'i', one)).toEqual([{ kind: 'missing' }]);
  expect(await bulk(answering({ status: 429, text: '{}' }), 'i', one)).toMatchObject([{ kind: 'later' }]);
  await expect(bulk(answering({ status: 200, text: '<html>' }), 'i', one)).rejects.toThrow('_bulk');
});

test('an id of several columns is one text that can be taken apart', () => {
  const id = [
    { column: 'a', type: 'text' },
    { column: 'b', type: 'text' },
  ];
  expect(splitId(id, 'x\\:y\\\\:z')).toEqual(['x:y\\', 'z']);
  expect(splitId(id, 'x')).toBeUndefined();
  expect(splitId(id.slice(0, 1), 'x:y')).toEqual(['x:y']);
  expect(idSql(id.slice(0, 1), 'd')).toBe('d."a"::text');
});

test('a breaker waits longer each time, and lets go at the first success', () => {
  let now = 0;
  const breaker = new Breaker(() => now);
  breaker.failed('away');
  expect([breaker.mayAsk(), breaker.isProbing(), breaker.trouble]).toEqual([false, true, 'away']);
  now = 301;
  expect(breaker.mayAsk()).toBe(true);
  for (let n = 0; n < 20; n += 1) breaker.failed('away');
  now += 11_999;
  expect(breaker.mayAsk()).toBe(false);
  now += 6_002;
  expect(breaker.mayAsk()).toBe(true);
  breaker.succeeded();
  expect(breaker.isProbing()).toBe(false);
});

test('a batch shrinks with trouble and grows without, within bounds', () => {
  const sizing = createSizing();
  for (let n = 0; n < 20; n += 1) sizing.learn({ done: 0, later: 1, bytes: 0 });
  expect(sizing.rows()).toBe(10);
  for (let n = 0; n < 100; n += 1) sizing.learn({ done: 1, later: 0, bytes: 0 });
  expect(sizing.rows()).toBe(1_000);
});

test('what the queue keeps changes at its bounds and not to and fro', () => {
  expect(keepsAt(0, 1_000, 'whole')).toBe('whole');
  expect(keepsAt(499, 1_000, 'whole')).toBe('whole');
  expect(keepsAt(500, 1_000, 'whole')).toBe('marks');
  expect(keepsAt(300, 1_000, 'marks')).toBe('marks');
  expect(keepsAt(1_000, 1_000, 'marks')).toBe('full');
  expect(keepsAt(600, 1_000, 'full')).toBe('full');
  expect(keepsAt(300, 1_000, 'full')).toBe('marks');
  expect(keepsAt(200, 1_000, 'full')).toBe('whole');
});

test('settings that forget deletes too soon are warned of', () => {
  const warned = (settings: Record<string, unknown>) => settingsWarnings({ settings }).length;
  expect([warned({}), warned({ 'index.gc_deletes': '15m' }), warned({ index: { gc_deletes: '2h' } })]).toEqual([
    0, 0, 0,
  ]);
  expect([warned({ 'index.gc_deletes': '60s' }), warned({ gc_deletes: '0ms' })]).toEqual([1, 1]);
  expect(settingsWarnings({ settings: { index: { gc_deletes: '899s' } } })).toEqual([expect.stringContaining('899s')]);
});

test('a node that has started anew is noticed, a new one is not', () => {
  expect(startedAnew({ a: 1 }, { a: 1, b: 5 })).toBe(false);
  expect(startedAnew({ a: 1 }, { a: 2 })).toBe(true);
  expect(startedAnew({}, { a: 2 })).toBe(false);
});

test('a caller has so many calls a minute, refilled evenly', () => {
  let now = 0;
  const limit = new CallLimit(2, () => now);
  expect([limit.take('a'), limit.take('a'), limit.take('b')]).toEqual([0, 0, 0]);
  expect(limit.take('a')).toBeCloseTo(30);
  now = 30_000;
  expect(limit.take('a')).toBe(0);
});

const QUIET: QueueLook = {
  total: 0,
  pending: 0,
  processing: 0,
  completed: 0,
  failed: 0,
  stuck: 0,
  avgProcessingTime: 0,
  lastProcessedAt: null,
  oldestPendingSeconds: 0,
  recent: { completed: 0, failed: 0 },
};
const AROUND: Surroundings = {
  paused: false,
  pausedBy: null,
  keeps: 'whole',
  processors: 1,
  mappings: 1,
  unmapped: [],
  targets: [],
  lost: [],
  unreadable: [],
};

test('health has its bounds: 1 stuck row or 1 % errors degrade, 6 or 5 % are unhealthy, each in words', () => {
  const judge = (queue: Partial<QueueLook>, around: Partial<Surroundings> = {}) =>
    judgeQueue({ ...QUIET, ...queue }, { ...AROUND, ...around }, 1_000_000);
  expect(judge({})).toEqual({ status: 'healthy', issues: [], recommendations: [], stuckJobs: 0, errorRate: 0 });
  expect(judge({ stuck: 1 }).status).toBe('degraded');
  expect(judge({ stuck: 6 }).status).toBe('unhealthy');
  expect(judge({ recent: { completed: 99, failed: 1 } })).toMatchObject({ status: 'degraded', errorRate: 1 });
  expect(judge({ recent: { completed: 995, failed: 5 } }).status).toBe('healthy');
  expect(judge({ recent: { completed: 95, failed: 5 } }).status).toBe('unhealthy');
  for (const around of [{ paused: true }, { unmapped: [{ table: 'x', rows: 1 }] }, { keeps: 'marks' as const }]) {
    expect(judge({}, around).status).toBe('degraded');
  }
  const away = judge({}, { targets: [{ name: 'default', reachable: false, detail: 'refused' }] });
  expect(away).toMatchObject({ status: 'unhealthy', issues: [expect.stringContaining('refused')] });
  expect(judge({ pending: 900_000 }).issues).toContainEqual(expect.stringContaining('TEM_SEARCH_QUEUE_MAX'));
  expect(judge({ pending: 5 }, { processors: 0 }).status).toBe('unhealthy');
});
