// What a claim reads while an old snapshot keeps what was claimed before it in the queue's index (rule 14).

import { expect, test } from 'vitest';
import { type Claimed, claim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { createDatabase } from '../../support/database.ts';
import { entriesReadBy, openSnapshot, workerSession } from '../../support/reads.ts';
import { waitFor } from '../../support/wait.ts';

const WORKER = '00000000-0000-4000-8000-00000000000a';
const EVENTS = 2_000;
const TAKE = 200;

test.each([
  ['one after the other', null],
  ['at the same moment', new Date(Date.now() + 1_000)],
])('of events that are due %s each claim reads what it takes, in their order', async (_, runAt) => {
  const { databaseUrl, pool } = await createDatabase();
  const session = workerSession(databaseUrl);
  await openSnapshot(pool);
  await pool.query(`select tem.enqueue('note', '{}', run_at => $2) from generate_series(1, $1)`, [EVENTS, runAt]);
  await waitFor(
    async () => (await pool.query('select from tem.event where due_at > clock_timestamp()')).rowCount === 0,
  );

  const { lanes } = await discoverLanes(session, ['note'], 1);
  const [lane] = lanes;
  if (!lane) throw new Error('no lane was found');
  const claimed: Claimed[] = [];
  while (claimed.length < EVENTS) {
    const { result: rows, read } = await entriesReadBy(session, 'event_claim', () =>
      claim(session, { workerId: WORKER, lanes: [lane], take: TAKE, workflowId: 'x' }),
    );
    expect(rows).toHaveLength(TAKE);
    // And the one that the lane was said to begin with.
    expect(read).toBeLessThanOrEqual(TAKE + 1);
    claimed.push(...rows);
    Object.assign(lane, { from: rows.at(-1)?.dueAt, fromId: rows.at(-1)?.id });
  }
  const places = claimed.map(({ dueAt, id }) => `${dueAt} ${id}`);
  expect(places).toEqual([...new Set(places)].sort());
});
