// tem.enqueue in SQL: in sets, and as single transactions beside a plain insert of the same row.

import { createApiClient } from '../api-client.ts';
import { type CommitLoad, commitClient, commitsPerSecond } from '../commits.ts';
import type { BenchContext } from '../context.ts';
import { type BenchCase, spreadOf } from '../figures.ts';
import { events, noopEvent } from '../payloads.ts';
import { startTem, type Tem } from '../tem.ts';
import { watchWork } from '../work.ts';

const SET = 10_000;
const SETS = 5;
const CONNECTIONS = 16;
const SLICE_SECONDS = 2;
// The machine's own swings last for seconds: many short turns let them fall on all kinds alike.
const TURNS = 8;
// Enough that the relay stays busy through all slices.
const BUSY_EVENTS = 10_000;
const PAYLOAD = JSON.stringify(noopEvent().payload);

// No worker has this type, so its events stay in the queue and the relay sleeps.
const ENQUEUE = `select tem.enqueue('bench.unhandled', '${PAYLOAD}'::jsonb)`;
// The same row: its id rises in time and is its key too, so that each index takes it where it takes that of tem.enqueue.
const PLAIN = `insert into bench.plain (id, type, key, payload)
  select id, 'bench.unhandled', id::text, '${PAYLOAD}'::jsonb from (select tem.uuid_v7() as id offset 0) as fresh`;

export const enqueue: BenchCase = {
  id: 'enqueue',
  title: '`tem.enqueue` in SQL',
  about:
    'Sets: one statement that calls it 10,000 times, the median of 5, with the relay asleep. Single: one call a transaction from 16 connections, in 16 turns of 2 s, after a second to warm up, with a plain insert of the same row (the same kind of id and key) into an equal table (`like tem.event including all`); the worker runs, first with its relay asleep, then busy with other events that take the processors too.',
  figures: [
    { id: 'sets', label: 'in sets of 10,000', unit: 'events/s', target: { atLeast: 10_000 } },
    { id: 'single', label: 'single transactions, relay asleep', unit: 'commits/s', target: { atLeast: 2_000 } },
    { id: 'plain', label: 'plain insert, relay asleep', unit: 'commits/s' },
    { id: 'ratio', label: 'tem.enqueue to plain insert, relay asleep', unit: 'times', target: { atLeast: 0.8 } },
    { id: 'singleBusy', label: 'single transactions, relay busy', unit: 'commits/s' },
    { id: 'plainBusy', label: 'plain insert, relay busy', unit: 'commits/s' },
    { id: 'ratioBusy', label: 'tem.enqueue to plain insert, relay busy', unit: 'times', target: { atLeast: 0.8 } },
  ],
  async run(context) {
    const tem = await startTem(context);
    try {
      await tem.pool.query(
        `create schema bench;
         create table bench.plain (like tem.event including all)`,
      );
      const client = await commitClient();
      const asleep = await inTurns(context, tem, client);
      const sets = await inSets(context, tem);
      const worked = watchWork(tem);
      const others = await keepBusy(context, tem);
      const busy = await inTurns(context, tem, client);
      const notes = await worked(others, 'busy: ');
      return {
        figures: {
          sets,
          single: asleep.enqueue,
          plain: asleep.plain,
          ratio: asleep.enqueue / asleep.plain,
          singleBusy: busy.enqueue,
          plainBusy: busy.plain,
          ratioBusy: busy.enqueue / busy.plain,
        },
        notes: { client, connections: CONNECTIONS, ...notes },
      };
    } finally {
      await tem.stop();
    }
  },
};

/** The two in the order A B B A, again and again, so that what drifts meanwhile falls on both. */
async function inTurns(
  context: BenchContext,
  tem: Tem,
  client: 'pgbench' | 'Node',
): Promise<{ enqueue: number; plain: number }> {
  const run = (statement: string): Promise<number> => {
    const load: CommitLoad = {
      databaseUrl: tem.databaseUrl,
      statement,
      connections: CONNECTIONS,
      seconds: context.count(SLICE_SECONDS, 1),
      folder: tem.folder,
    };
    return commitsPerSecond(client, load);
  };
  const statements = [ENQUEUE, PLAIN];
  const sums = new Map(statements.map((statement) => [statement, 0]));
  const turns = context.count(TURNS, 1);
  for (let turn = 0; turn < turns; turn++) {
    for (const statement of [...statements, ...statements.toReversed()]) {
      sums.set(statement, (sums.get(statement) ?? 0) + (await run(statement)));
    }
  }
  const [enqueue, plain] = [...sums.values()].map((sum) => sum / (2 * turns)) as [number, number];
  return { enqueue, plain };
}

async function keepBusy(context: BenchContext, tem: Tem): Promise<number> {
  const api = createApiClient(tem.apiUrl);
  const count = context.count(BUSY_EVENTS, 500);
  await api.postBatches(events(count, noopEvent));
  await api.close();
  return count;
}

async function inSets(context: BenchContext, tem: Tem): Promise<number> {
  const count = context.count(SET, 1_000);
  const rates: number[] = [];
  for (let index = 0; index < SETS; index++) {
    const startedAt = performance.now();
    await tem.pool.query(`select count(tem.enqueue('bench.unhandled', $1::jsonb)) from generate_series(1, $2)`, [
      PAYLOAD,
      count,
    ]);
    rates.push(count / ((performance.now() - startedAt) / 1_000));
  }
  return spreadOf(rates).median;
}
