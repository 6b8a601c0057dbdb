// How the relay hears of events: by one NOTIFY for a relay that sleeps, and by its poll when that is lost (rule 11).

import { expect, onTestFinished, test } from 'vitest';
import { freeForOwnRun } from '../../../src/core/ledger/free.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { eventWorkflowId } from '../../../src/core/workflow-id.ts';
import { waitFor } from '../../support/wait.ts';
import { createRelayBench, typeOf } from './bench.ts';

const note = typeOf('note');
/** A poll a second, and what a claim takes on a busy machine. */
const POLLED_WITHIN_MS = 2_500;

async function setup() {
  const bench = await createRelayBench([note]);
  const rings: string[] = [];
  const listener = createListener(bench.databaseUrl, bench.log);
  listener.listen('tem_due', (payload) => void rings.push(payload));
  onTestFinished(() => listener.stop());
  await listener.ready();
  const relay = await bench.relay();
  return {
    ...bench,
    relay,
    rings,
    /** Until the relay sleeps for as long as it ever does. */
    asleep: () =>
      waitFor(async () => {
        const { rows } = await bench.pool.query<{ left: number }>(
          'select (last_value / 1000 - extract(epoch from clock_timestamp()) * 1000)::float8 as left from tem.bell',
        );
        return (rows[0]?.left ?? 0) > 900;
      }),
    /** How long the event stayed in the queue, by the clock of Postgres. */
    untilClaimed: (id: string) =>
      waitFor(async () => {
        const { rows } = await bench.pool.query<{ waited: number }>(
          `select extract(epoch from due_by - interval '10 s' - created_at)::float8 * 1000 as waited
           from tem.event where id = $1 and due_by is not null`,
          [id],
        );
        return rows[0];
      }),
  };
}

test('an event whose NOTIFY is lost is found by the poll within about a second', async () => {
  const { pool, rings, asleep, untilClaimed } = await setup();
  await asleep();
  // Not by tem.enqueue, so nothing rings.
  const { rows } = await pool.query<{ id: string }>(
    `insert into tem.event (type, key, payload) values ('note', 'silent', '{}') returning id`,
  );
  const { waited } = await untilClaimed(rows[0]?.id as string);
  expect(rings).toEqual([]);
  expect(waited).toBeLessThan(POLLED_WITHIN_MS);
});

test('a sleeping relay is rung for once, however many events a transaction adds', async () => {
  const { pool, rings, asleep, untilClaimed } = await setup();
  await asleep();
  const { rows } = await pool.query<{ id: string }>(
    `select tem.enqueue('note', '{}') as id from generate_series(1, 100)`,
  );
  await untilClaimed(rows[0]?.id as string);
  expect(rings).toHaveLength(1);
});

test('of many small commits one in 5 ms rings at most', async () => {
  const { pool, rings, asleep, untilClaimed } = await setup();
  await asleep();
  const ids: string[] = [];
  const startedAt = performance.now();
  for (let count = 0; count < 300; count++) {
    const { rows } = await pool.query<{ id: string }>(`select tem.enqueue('note', '{}') as id`);
    ids.push(rows[0]?.id as string);
  }
  const tookMs = performance.now() - startedAt;
  await untilClaimed(ids[0] as string);
  expect(rings.length).toBeGreaterThan(0);
  expect(rings.length).toBeLessThanOrEqual(tookMs / 5 + 1);
  expect(rings.length).toBeLessThan(100);
});

test('a flood of types that it does not have rings for it once a second, and what it has is found all the same', async () => {
  const { pool, rings, asleep, untilClaimed } = await setup();
  await asleep();
  const startedAt = performance.now();
  while (performance.now() - startedAt < 2_500) await pool.query(`select tem.enqueue('foreign', '{}')`);
  expect(rings.length).toBeGreaterThan(0);
  // For each arming there may be one more ring before the relay has answered the first.
  expect(rings.length).toBeLessThan(15);
  const { rows } = await pool.query<{ id: string }>(`select tem.enqueue('note', '{}') as id`);
  expect((await untilClaimed(rows[0]?.id as string)).waited).toBeLessThan(POLLED_WITHIN_MS);
});

test('a relay looks at the queue often while a transaction is open that saw no relay asleep', async () => {
  const bench = await createRelayBench([note]);
  const client = await bench.pool.connect();
  onTestFinished(() => client.release(true));
  await client.query('begin');
  const { rows } = await client.query<{ id: string }>(`select tem.enqueue('note', '{}') as id`);
  await bench.relay();
  const armings = new Set<string>();
  const armed = async (): Promise<number> => {
    const { rows: bells } = await bench.pool.query<{ until: string }>('select last_value::text as until from tem.bell');
    return armings.add(bells[0]?.until as string).size;
  };
  // With sleeps of a second this would take ten of them.
  const startedAt = performance.now();
  await waitFor(async () => (await armed()) > 10);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  await client.query('commit');
  await waitFor(async () => {
    const found = await bench.pool.query('select from tem.event where id = $1 and due_by is not null', [rows[0]?.id]);
    return found.rowCount === 1;
  });
});

test('a run whose events other runs have by now holds no slot', async () => {
  const many = typeOf('many', { batch: 10 });
  // One type gets two of them.
  const { pool, rows, enqueue, relay } = await createRelayBench([many], { slots: 4 });
  await enqueue(many, 5, { lateMs: 1_000 });
  await relay();
  const claimed = () =>
    waitFor(async () => {
      const found = (await rows()).filter((row) => row.claimed);
      return found.length > 1 && found;
    });
  const alone = await claimed();
  expect(alone.map(({ workflow_id }) => workflow_id)).toEqual([null, null]);
  await pool.query(`update tem.event set state = 'PROCESSED', due_by = null where id = any($1)`, [
    alone.map(({ id }) => id),
  ]);
  const batch = await claimed();
  expect(batch.filter(({ workflow_id }) => workflow_id?.startsWith('many:batch:'))).toHaveLength(3);
  await freeForOwnRun(pool, batch);
  // The first of them takes the free slot, and the next one that of the batch.
  expect((await claimed()).map(({ lane }) => lane)).toEqual([1, 1]);
});

test('the one place in quarantine is kept while more of its run follows', async () => {
  const { pool, relay, enqueue, rows, untilClaimed } = await setup();
  await pool.query(
    `insert into tem.event (type, key, payload, lane) values ('note', 'one', '{}', 2), ('note', 'two', '{}', 2)`,
  );
  const quarantined = async () => (await rows()).filter((row) => row.lane === 2 && row.claimed);
  const [first] = await waitFor(async () => {
    const found = await quarantined();
    return found.length > 0 && found;
  });
  const workflowId = eventWorkflowId('note', first?.key as string, false);
  relay.runDone(workflowId, true);
  // The relay has looked at the queue since then.
  const [ordinary] = await enqueue(note, 1);
  await untilClaimed(ordinary as string);
  expect(await quarantined()).toHaveLength(1);
  relay.runDone(workflowId);
  await waitFor(async () => (await quarantined()).length === 2);
});
