// The console on a large ledger: what its pages wait for, what an open overview costs the database, and a redrive beside
// new events.

import { setTimeout as delay } from 'node:timers/promises';
import { builtProgram } from '../../test/support/program.ts';
import { postgresPercent } from '../console/overview.ts';
import { measureRedrive } from '../console/redrive.ts';
import { seed } from '../console/seed.ts';
import { get, measureViews, type Sample, viewsOf } from '../console/views.ts';
import type { BenchCase } from '../figures.ts';
import { startTem, type Tem } from '../tem.ts';

const VIEW_MS_MAX = 300;
const SETTLE_MS = 30_000;

export const consoleViews: BenchCase = {
  id: 'console',
  title: 'The console on a large ledger',
  about:
    '10,000,000 PROCESSED events of ten types over 60 days, 50,000 that wait for a far time, 100,000 that failed in 41 groups of like errors (one has a half of them), written by SQL. Each view is what its page asks the API for, without payload searches; a session asks for one view after the other with a rest of a quarter of a second, more often than pages do. The overview: processor time of Postgres while it is open, less that of the same time without. The redrive tries events again that were EXTINCT, while a new event comes every 100 ms.',
  runsByDefault: 1,
  figures: [
    { id: 'seedSeconds', label: 'writing the events', unit: 's' },
    { id: 'one', label: 'slowest view, 1 session, p50', unit: 'ms' },
    { id: 'one99', label: 'slowest view, 1 session, p99', unit: 'ms', target: { atMost: VIEW_MS_MAX } },
    { id: 'five', label: 'slowest view, 5 sessions, p50', unit: 'ms' },
    { id: 'five99', label: 'slowest view, 5 sessions, p99', unit: 'ms', target: { atMost: VIEW_MS_MAX } },
    { id: 'overview', label: 'an open overview, of one processor', unit: '%', target: { atMost: 1 } },
    { id: 'overviews', label: 'five open overviews, of one processor', unit: '%', target: { atMost: 1 } },
    { id: 'redrive', label: 'redrive, share of the set rate', unit: '', target: { atLeast: 0.95, atMost: 1.05 } },
    { id: 'baseP99', label: 'new events before it, p99', unit: 'ms' },
    { id: 'duringP99', label: 'new events beside it, p99', unit: 'ms' },
    { id: 'ratio', label: 'beside it to before', unit: 'times', target: { atMost: 2 } },
  ],
  async run(context) {
    const count = Number(process.env.BENCH_CONSOLE_EVENTS ?? context.count(10_000_000, 200_000));
    const tem = await startTem(context, { program: await builtProgram() });
    try {
      const startedAt = performance.now();
      const seeded = await seed(tem.pool, context, count);
      const seedSeconds = (performance.now() - startedAt) / 1_000;
      const views = viewsOf(await sampleOf(tem));
      context.say(`  ${seeded.events} events after ${seedSeconds.toFixed(0)} s; asking for every view`);
      // Connections, plans and statistics are there before anything is measured.
      await measureViews(tem.apiUrl, views, { sessions: 1, rounds: 2 });
      const one = await measureViews(tem.apiUrl, views, { sessions: 1, rounds: context.count(50, 10) });
      const five = await measureViews(tem.apiUrl, views, { sessions: 5, rounds: context.count(50, 10) });
      context.say(table(one, five));
      context.say('  watching what an open overview costs');
      const seconds = context.count(120, 30);
      const { idle, overview, overviews } = await overviewCost(tem, seconds);
      context.say('  redriving');
      const ratePerSecond = context.count(100, 20);
      const redrive = { count: Math.min(context.count(100_000, 600), Math.floor(seeded.failed / 2)), ratePerSecond };
      const redriven = await measureRedrive(tem, { ...redrive, baseSeconds: context.count(60, 20) });
      const worst = (of: typeof one, which: 'p50' | 'p99') => Math.max(...[...of.values()].map((each) => each[which]));
      return {
        figures: {
          seedSeconds,
          one: worst(one, 'p50'),
          one99: worst(one, 'p99'),
          five: worst(five, 'p50'),
          five99: worst(five, 'p99'),
          overview,
          overviews,
          redrive: redriven.perSecond / ratePerSecond,
          baseP99: redriven.baseP99Ms,
          duringP99: redriven.duringP99Ms,
          ratio: redriven.duringP99Ms / redriven.baseP99Ms,
        },
        notes: {
          events: seeded.events,
          'of them failed': seeded.failed,
          'Postgres without an overview, % of one processor': idle.toFixed(2),
          redrive: `${redrive.count} events at ${ratePerSecond} a second`,
        },
        texts: { 'Each view, ms: p50 and p99 with 1 session, with 5': table(one, five) },
      };
    } finally {
      await tem.stop();
    }
  },
};

/** Percent of one processor; what Postgres takes anyway is measured before, between and after. */
async function overviewCost(tem: Tem, seconds: number): Promise<Record<'idle' | 'overview' | 'overviews', number>> {
  // What the views and the load have left to be done, such as vacuuming, is over first.
  await delay(SETTLE_MS);
  const spent: number[] = [];
  for (const streams of [0, 1, 0, 5, 0]) spent.push(await postgresPercent(tem, streams, seconds));
  const [before, one, between, five, after] = spent as [number, number, number, number, number];
  return {
    idle: (before + between + after) / 3,
    overview: one - (before + between) / 2,
    overviews: five - (between + after) / 2,
  };
}

type Times = Awaited<ReturnType<typeof measureViews>>;

function table(one: Times, five: Times): string {
  const ms = (value: number | undefined): string => (value ?? Number.NaN).toFixed(1).padStart(9);
  return [...one]
    .map(([id, { p50, p99 }]) => `${id.padEnd(28)}${ms(p50)}${ms(p99)}${ms(five.get(id)?.p50)}${ms(five.get(id)?.p99)}`)
    .join('\n');
}

async function sampleOf({ pool, apiUrl }: Tem): Promise<Sample> {
  const idOf = async (state: string): Promise<string> => {
    const { rows } = await pool.query<{ id: string }>(
      `select id from tem.event where type = 'seed.5' and state = $1 order by created_at limit 1`,
      [state],
    );
    return String(rows[0]?.id);
  };
  const { failures } = (await get(apiUrl, '/v1/failures')) as { failures: { fingerprint: string }[] };
  return {
    ended: await idOf('PROCESSED'),
    failed: await idOf('FAILED'),
    fingerprint: String(failures[0]?.fingerprint),
  };
}
