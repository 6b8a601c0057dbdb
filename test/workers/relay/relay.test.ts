// How the relay hears of events: by one NOTIFY for a relay that sleeps, and by its poll when that is lost (rule 11).

import { expect, onTestFinished, test } from 'vitest';
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
          'select (last_value - extract(epoch from clock_timestamp()) * 1000)::float8 as left from tem.bell',
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
  const client = await pool.connect();
  onTestFinished(() => client.release(true));
  // No trigger runs in this session, so nothing rings.
  await client.query('set session_replication_role = replica');
  const { rows } = await client.query<{ id: string }>(
    `insert into tem.event (type, key, payload) values ('note', 'silent', '{}') returning id`,
  );
  const { waited } = await untilClaimed(rows[0]?.id as string);
  expect(rings).toEqual([]);
  expect(waited).toBeLessThan(POLLED_WITHIN_MS);
});

test('a sleeping relay is rung for once, however many events commit', async () => {
  const { enqueue, rings, asleep, untilClaimed } = await setup();
  await asleep();
  const [first] = await enqueue(note, 100);
  await untilClaimed(first as string);
  expect(rings).toHaveLength(1);
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
