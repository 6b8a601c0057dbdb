// An event that is ended because its payload is refused has nothing open any more.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { cancelFromRun } from '../../../src/core/ledger/cancel.ts';
import { free } from '../../../src/core/ledger/free.ts';
import { refuseQueued } from '../../../src/core/ledger/refuse.ts';
import { retryEvent } from '../../../src/core/ledger/retry.ts';
import { beginSettling } from '../../../src/core/ledger/settle.ts';
import { createDatabase } from '../../support/database.ts';

test('a revived event does not pay for a compensation that was open when its payload was refused', async () => {
  const { pool } = await createDatabase();
  const [accepted] = await acceptEvents(pool, [{ type: 'any', payload: {}, source: 'test' }]);
  const id = accepted?.id as string;
  const take = () => pool.query(`update tem.event set due_at = null, due_by = clock_timestamp() + interval '1 minute'`);
  await take();
  await cancelFromRun(pool, id, 0);
  const request = { id, generation: 0, workerId: randomUUID(), maxAttempts: 3, dueByMs: 60_000, compensates: false };
  expect(await beginSettling(pool, request)).toMatchObject({ disposition: 'settle' });
  await refuseQueued(pool, [{ id, generation: 0, error: 'refused' }], 'relay');
  expect(await retryEvent(pool, id, 'person')).toMatchObject({ outcome: 'done', state: 'QUEUED' });
  await take();
  expect(await free(pool, [{ id, generation: 1 }])).toBe(1);
  const { rows } = await pool.query('select lane, crash_count, locked_at from tem.event');
  expect(rows).toEqual([{ lane: 0, crash_count: 0, locked_at: null }]);
});
