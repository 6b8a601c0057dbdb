// Search sync beside a plain loop and the design that people had: first load, drain, steady work, lag, the triggers' cost, a
// long queue and a comparison, on an OpenSearch on the same machine that was warmed first.

import { join } from 'node:path';
import type pg from 'pg';
import { readConfig } from '../../src/config.ts';
import { startOpenSearch } from '../../src/features/search-sync/demo/opensearch.ts';
import type { BenchContext } from '../context.ts';
import { type BenchCase, percentile } from '../figures.ts';
import { FILL, jobByJob, LISTINGS, plainDrain, plainListener, plainLoad, ROW_TRIGGER } from '../peers/search-loops.ts';
import {
  type Call,
  caller,
  drainSeconds,
  isDrained,
  longDrain,
  measureLag,
  steady,
  until,
  updateAll,
} from '../search-work.ts';
import { startTem, type Tem } from '../tem.ts';

const INDEX = 'listings';
const PLAIN_INDEX = 'plain';
const LAG_SAMPLES = 200;

export const searchSync: BenchCase = {
  id: 'search-sync',
  title: 'Postgres to OpenSearch',
  about:
    "Listings of about 700 bytes: a first load of 50,000, a drain of 20,000 updates, 100 writes a second for 60 s, 1,000,000 rows that wait, a comparison of 100,000 documents. The plain loop is what the machine can do: sets of 500, `_bulk`, LISTEN and nothing else. Triggers' cost: the seconds that they add to 20,000 updates in transactions of 100, to what a row trigger adds that fills the same queue.",
  runsByDefault: 1,
  figures: [
    { id: 'load', label: 'first load', unit: 'rows/s' },
    { id: 'plainLoad', label: 'first load, plain loop', unit: 'rows/s' },
    { id: 'loadShare', label: 'first load, share of the plain loop', unit: '', target: { atLeast: 0.75 } },
    { id: 'drain', label: 'drain of updates', unit: 'rows/s' },
    { id: 'plainDrain', label: 'drain, plain loop', unit: 'rows/s' },
    { id: 'jobByJob', label: 'drain, job by job', unit: 'rows/s' },
    { id: 'drainShare', label: 'drain, share of the plain loop', unit: '', target: { atLeast: 0.75 } },
    { id: 'drainTimes', label: 'drain, times job by job', unit: '', target: { atLeast: 15 } },
    { id: 'steadyErrors', label: 'steady 100/s: errors', unit: '%', target: { atMost: 1 } },
    { id: 'steadyMean', label: 'steady 100/s: mean', unit: 'ms', target: { atMost: 2_000 } },
    { id: 'steadyDepth', label: 'steady 100/s: depth', unit: 'rows', target: { atMost: 1_000 } },
    { id: 'lag50', label: 'commit to readable, p50', unit: 'ms', target: { atMost: 15 } },
    { id: 'lag99', label: 'commit to readable, p99', unit: 'ms', target: { atMost: 60 } },
    { id: 'plainLag50', label: 'commit to readable, plain loop, p50', unit: 'ms' },
    { id: 'plainLag99', label: 'commit to readable, plain loop, p99', unit: 'ms' },
    {
      id: 'triggerShareOfHundred',
      label: "triggers' cost, share of the row trigger's, 100 rows by one statement",
      unit: '',
      target: { atMost: 0.6 },
    },
    {
      id: 'triggerShare',
      label: "triggers' cost, share of the row trigger's, each row by its own",
      unit: '',
      target: { atMost: 0.6 },
    },
    {
      id: 'longQueueMb',
      label: "long queue: worker's memory at most",
      unit: 'MB',
      target: { atMost: 300 },
      remark: 'the whole worker, Temporal and relay included',
    },
    { id: 'longQueue', label: 'long queue: rate of the first tenth', unit: 'rows/s' },
    {
      id: 'longQueueFlat',
      label: 'long queue: rate of the last tenth to the first',
      unit: 'times',
      target: { atLeast: 0.8 },
    },
    { id: 'verifySeconds', label: 'comparison of equal documents', unit: 's', target: { atMost: 60 } },
  ],
  async run(context) {
    const { cacheFolder } = readConfig(process.env);
    if (cacheFolder === undefined) throw new Error('there is no cache folder');
    const search = await startOpenSearch({ cacheFolder, folder: join(context.folder, 'opensearch'), say: context.say });
    const tem = await startTem(context, { environment: { TEM_SEARCH_URL: search.url, TEM_SEARCH_VERIFY_EVERY: '0s' } });
    try {
      const figures: Record<string, number> = {};
      await warm(tem.pool, search.url, context.count(3, 1));
      await measurePlain(context, tem, search.url, figures);
      await measureTem(context, tem, search.url, figures);
      return { figures, notes: {} };
    } finally {
      await tem.stop();
      await search.stop();
    }
  },
};

async function warm(pool: pg.Pool, url: string, rounds: number): Promise<void> {
  await pool.query(LISTINGS);
  await pool.query(FILL, [10_000]);
  for (let round = 0; round < rounds; round += 1) await plainLoad(pool, url, 'warm');
  await fetch(`${url}/warm`, { method: 'DELETE' });
  await pool.query('drop table listings');
}

async function measurePlain(
  context: BenchContext,
  { pool, databaseUrl }: Tem,
  url: string,
  figures: Record<string, number>,
): Promise<void> {
  const rows = context.count(50_000, 2_000);
  const updates = context.count(20_000, 1_000);
  await pool.query(LISTINGS);
  await pool.query(FILL, [rows]);
  figures.plainLoad = rows / (await plainLoad(pool, url, PLAIN_INDEX));
  const bare = await updateAll(pool, updates);
  const bareOfHundred = await updateAll(pool, updates, 100);
  await pool.query(ROW_TRIGGER);
  const triggered = await updateAll(pool, updates);
  figures.rowTriggerSeconds = triggered - bare;
  figures.bareSeconds = bare;
  figures.jobByJob = await jobByJob(pool, url, PLAIN_INDEX, context.count(1_000, 100));
  const left = updates - context.count(1_000, 100);
  figures.plainDrain = left / (await plainDrain(pool, url, PLAIN_INDEX));
  figures.rowTriggerOfHundredSeconds = (await updateAll(pool, updates, 100)) - bareOfHundred;
  figures.bareOfHundredSeconds = bareOfHundred;
  await pool.query('truncate elasticsearch_sync_queue');
  const stop = await plainListener(pool, databaseUrl, url, PLAIN_INDEX);
  const lags = await measureLag(pool, url, PLAIN_INDEX, context.count(LAG_SAMPLES, 20));
  await stop();
  figures.plainLag50 = percentile(lags, 0.5);
  figures.plainLag99 = percentile(lags, 0.99);
  await pool.query(
    'drop table listings; drop table elasticsearch_sync_queue; drop function add_to_elasticsearch_queue',
  );
}

async function measureTem(
  context: BenchContext,
  tem: Tem,
  url: string,
  figures: Record<string, number>,
): Promise<void> {
  const { pool } = tem;
  const rows = context.count(50_000, 2_000);
  const updates = context.count(20_000, 1_000);
  await pool.query(LISTINGS);
  await pool.query(FILL, [rows]);
  const call = caller(tem.apiUrl);
  const startedAt = performance.now();
  const { indices } = (await call('PUT', '/v1/search-sync/mappings/listings', { index: INDEX })) as {
    indices: { id: string }[];
  };
  const load = `/v1/search-sync/reindex/${indices[0]?.id}`;
  // Not so often that asking is work.
  await until(async () => (await call('GET', load)).loaded === rows, 100);
  figures.load = rows / ((performance.now() - startedAt) / 1_000);
  figures.loadShare = figures.load / (figures.plainLoad ?? Number.NaN);

  await call('POST', '/v1/search-sync/queue/stop');
  const triggered = await updateAll(pool, updates);
  figures.triggerShare = (triggered - (figures.bareSeconds ?? 0)) / (figures.rowTriggerSeconds ?? Number.NaN);
  figures.drain = updates / (await drainSeconds(pool, call));
  figures.drainShare = figures.drain / (figures.plainDrain ?? Number.NaN);
  figures.drainTimes = figures.drain / (figures.jobByJob ?? Number.NaN);

  await call('POST', '/v1/search-sync/queue/stop');
  const ofHundred = await updateAll(pool, updates, 100);
  figures.triggerShareOfHundred =
    (ofHundred - (figures.bareOfHundredSeconds ?? 0)) / (figures.rowTriggerOfHundredSeconds ?? Number.NaN);
  await drainSeconds(pool, call);

  const lags = await measureLag(pool, url, INDEX, context.count(LAG_SAMPLES, 20));
  figures.lag50 = percentile(lags, 0.5);
  figures.lag99 = percentile(lags, 0.99);
  await steady(pool, call, context.count(60, 5), figures);

  await call('POST', '/v1/search-sync/queue/stop');
  const long = context.count(1_000_000, 5_000);
  await pool.query(`insert into listings (title, price) select 'long ' || n, n from generate_series(1, $1::int) n`, [
    long,
  ]);
  const { first, last, mostMb } = await longDrain(pool, call, { count: long, workerMb: tem.workerMb });
  figures.longQueue = first;
  figures.longQueueFlat = last / first;
  figures.longQueueMb = mostMb;

  await pool.query('delete from listings where id > $1', [rows * 2]);
  await until(() => isDrained(pool));
  figures.verifySeconds = await verifySeconds(call);
}

/** A call compares for so long and says where the next goes on. */
async function verifySeconds(call: Call): Promise<number> {
  const startedAt = performance.now();
  let found: Record<string, unknown> = {};
  do {
    const { nextCursor: cursor } = found;
    found = await call('POST', '/v1/search-sync/verify', { table: 'listings', ...(cursor ? { cursor } : {}) });
  } while (found.nextCursor);
  if (Number(found.missing) + Number(found.stale) + Number(found.extra) > 0) throw new Error('index and table differ');
  return (performance.now() - startedAt) / 1_000;
}
