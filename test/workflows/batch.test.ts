// Batches under a flood: many events in one run, each with its own transaction, mark and outcome. A member that fails
// leaves; people act on members, never on the batch.

import { describe, expect, test } from 'vitest';
import { createEventTypes } from '../../src/core/event-types.ts';
import { cancelEvent } from '../../src/core/ledger/cancel.ts';
import { getEvent } from '../../src/core/ledger/events.ts';
import { type EventRow, presentEvent } from '../../src/core/ledger/present.ts';
import { retryEvent } from '../../src/core/ledger/retry.ts';
import { createTypeDirectory } from '../../src/core/ledger/type-directory.ts';
import { waitFor } from '../support/wait.ts';
import { createScene } from './scene.ts';

const FLOOD = 200;
const scene = await createScene({ TEM_SLOTS: '8', TEM_RECONCILE_EVERY: '2s' });
const { pool, temporal, untilState, until, untilDone, untilRun, openGate, done, effects, history, event: read } = scene;
const types = createTypeDirectory(pool, createEventTypes([]));

/** Accepts a flood in one transaction; `payloads` are those of its first events. */
async function flood(type: string, payloads: object[] = [], count = FLOOD): Promise<{ id: string; key: string }[]> {
  const { rows } = await pool.query<{ id: string; key: string }>(
    `with given as (select coalesce($2::jsonb -> (n - 1), '{}') as payload, gen_random_uuid()::text as key, n from generate_series(1, $3) n)
     select tem.enqueue($1, payload, key, run_at => clock_timestamp()) as id, key from given order by n`,
    [type, JSON.stringify(payloads), count],
  );
  return rows;
}

const untilAll = (ids: readonly string[], states: string[]): Promise<unknown> =>
  waitFor(async () => {
    const { rows } = await pool.query(
      'select state, count(*)::int as count from tem.event where id = any($1) and not state = any($2) group by 1',
      [ids, states],
    );
    if (rows.length > 0) throw new Error(JSON.stringify(rows));
    return true;
  }, 60_000);

/** What the API says of the event. */
async function workflowIdOf(id: string): Promise<string> {
  return presentEvent((await getEvent(pool, id)) as EventRow, types).workflowId;
}

async function runsOf(type: string): Promise<Map<string, string>> {
  const runs = new Map<string, string>();
  for await (const run of temporal.client.workflow.list({ query: `TemEventType = '${type}'` }))
    runs.set(run.workflowId, run.type);
  return runs;
}

describe('a flood', () => {
  test('runs in batches, each event with its own effect, mark and history', async () => {
    const events = await flood('many');
    await untilAll(
      events.map(({ id }) => id),
      ['PROCESSED'],
    );
    const { rows } = await pool.query(
      'select count(*)::int as effects, count(distinct event)::int as events from effect where event = any($1)',
      [events.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ effects: FLOOD, events: FLOOD }]);
    expect(await history(events[FLOOD - 1]!.id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> PROCESSED']);
    const runs = await waitFor(async () => {
      const found = [...(await runsOf('many')).values()];
      return found.includes('eventBatch') ? found : undefined;
    });
    expect(runs.length).toBeLessThan(FLOOD);
  });

  test("names the batch as the workflow of an event that it has, and the event's own afterwards", async () => {
    // The first ones get workflows of their own, and would hold their slots.
    const plans = Array.from({ length: FLOOD }, (_, index) => (index < 10 ? {} : { plan: ['holdAndFail', 'ok'] }));
    const events = (await flood('many-patient', plans)).slice(10);
    const ids = events.map(({ id }) => id);
    const held = await waitFor(async () => {
      const { rows } = await pool.query<{ id: string; key: string; workflow_id: string }>(
        `select id, key, workflow_id from tem.event where id = any($1) and state = 'PROCESSING' and workflow_id is not null limit 1`,
        [ids],
      );
      return rows[0];
    });
    expect(await workflowIdOf(held.id)).toMatch(/^many-patient:batch:/);
    const batch = await temporal.client.workflow.getHandle(held.workflow_id).describe();
    expect(batch).toMatchObject({ type: 'eventBatch', status: { name: 'RUNNING' } });
    for (const { key } of events) await openGate(key);
    await untilAll(ids, ['FAILED']);
    // It has left the batch, and its next attempt has a run of its own.
    expect(await workflowIdOf(held.id)).toBe(`many-patient:${held.key}`);
    await retryEvent(pool, held.id, 'test');
    await untilState(held.id, 'PROCESSED');
    expect(await workflowIdOf(held.id)).toBe(`many-patient:${held.key}`);
    expect(await untilRun({ type: 'many-patient', key: held.key }, 'COMPLETED')).toMatchObject({ type: 'event' });
  });

  test('is not held up by a member that fails, which leaves and is tried again', async () => {
    const events = await flood('many', [
      { plan: ['fail', 'ok'] },
      { plan: ['fail', 'fail', 'ok'] },
      { plan: ['throwUndefined', 'ok'] },
    ]);
    await untilAll(
      events.map(({ id }) => id),
      ['PROCESSED'],
    );
    expect(await done(events[0]!.id)).toEqual(['fail', 'ok']);
    expect(await read(events[0]!.id)).toMatchObject({ retry_count: 1, last_error: 'the script says fail' });
    expect(await read(events[1]!.id)).toMatchObject({ retry_count: 2 });
    expect(await read(events[3]!.id)).toMatchObject({ retry_count: 0, last_error: null });
  });

  test('lets a member that can never succeed end in a run of its own, with its compensation', async () => {
    const events = await flood('many-undone', [
      { plan: ['never'] },
      { plan: ['fail', 'fail', 'fail'] },
      { plan: ['never'], undo: ['fail', 'fail', 'fail'] },
    ]);
    await untilAll(
      events.slice(0, 3).map(({ id }) => id),
      ['EXTINCT'],
    );
    await untilAll(
      events.slice(3).map(({ id }) => id),
      ['PROCESSED'],
    );
    expect(await effects(events[0]!.id)).toEqual(['undone']);
    expect(await history(events[0]!.id)).toEqual(['QUEUED -> PROCESSING', 'PROCESSING -> FAILED', 'FAILED -> EXTINCT']);
    expect(await read(events[1]!.id)).toMatchObject({ retry_count: 3 });
    expect(await read(events[2]!.id)).toMatchObject({ compensation_error: 'the script says fail' });
    const own = temporal.client.workflow.getHandle(`many-undone:${events[0]!.key}`);
    expect(await own.describe()).toMatchObject({ type: 'event', status: { name: 'FAILED' } });
  });

  test('ends members that are not retryable EXTINCT without compensation too', async () => {
    const events = await flood('many', [{ plan: ['never'] }]);
    await untilState(events[0]!.id, 'EXTINCT');
    await untilAll(
      events.slice(1).map(({ id }) => id),
      ['PROCESSED'],
    );
  });
});

describe('a member', () => {
  test('is cancelled while its attempt runs, and no other notices', async () => {
    const events = await flood('many', Array(FLOOD).fill({ plan: ['hold'] }));
    const held = await waitFor(async () => {
      const { rows } = await pool.query<{ id: string }>(
        `select e.id from tem.event e join done d on d.event = e.id where e.id = any($1) and state = 'PROCESSING' and workflow_id like '%:batch:%' limit 1`,
        [events.map(({ id }) => id)],
      );
      return rows[0];
    });
    expect(await cancelEvent(pool, held.id, 'test')).toMatchObject({ outcome: 'done', state: 'PROCESSING' });
    await untilState(held.id, 'CANCELLED');
    for (const { key } of events) await openGate(key);
    await untilAll(
      events.map(({ id }) => id).filter((id) => id !== held.id),
      ['PROCESSED'],
    );
    expect(await effects(held.id)).toEqual([]);
  });

  test('that waits for its next attempt is cancelled, or retried now, at once', async () => {
    const events = await flood('many-patient', Array(FLOOD).fill({ plan: ['fail', 'ok'] }));
    await untilAll(
      events.map(({ id }) => id),
      ['FAILED'],
    );
    const [cancelled, retried, waiting] = events.map(({ id }) => id) as [string, string, string];
    expect(await cancelEvent(pool, cancelled, 'test')).toMatchObject({ outcome: 'done', state: 'CANCELLED' });
    expect(await retryEvent(pool, retried, 'test')).toMatchObject({ outcome: 'done', state: 'FAILED' });
    await untilState(retried, 'PROCESSED');
    expect(await done(retried)).toEqual(['fail', 'ok']);
    expect(await done(cancelled)).toEqual(['fail']);
    expect(await read(waiting)).toMatchObject({ state: 'FAILED', retry_count: 1 });
  });

  test("whose handler blocks or ignores its end delays no other's mark", async () => {
    const events = await flood('many', [{ plan: ['holdOn'] }]);
    await untilDone(events[0]!.id, 'holdOn');
    await untilAll(
      events.slice(1).map(({ id }) => id),
      ['PROCESSED'],
    );
    expect(await read(events[0]!.id)).toMatchObject({ state: 'PROCESSING' });
    await openGate(events[0]!.key);
    await untilState(events[0]!.id, 'PROCESSED');
  });
});

describe('a batch', () => {
  test('that somebody terminates or cancels gives its members back, and none is cancelled', async () => {
    for (const end of ['terminate', 'cancel'] as const) {
      // The first ones get workflows of their own, and would hold all of the type's slots.
      const plans = Array.from({ length: FLOOD }, (_, index) => (index < 40 ? {} : { plan: ['hold'] }));
      const events = await flood('many', plans);
      const held = await waitFor(async () => {
        const { rows } = await pool.query<{ workflow_id: string }>(
          `select workflow_id from tem.event where id = any($1) and state = 'PROCESSING' and workflow_id like '%:batch:%' limit 1`,
          [events.map(({ id }) => id)],
        );
        return rows[0];
      });
      await temporal.client.workflow.getHandle(held.workflow_id)[end]();
      for (const { key } of events) await openGate(key);
      await untilAll(
        events.map(({ id }) => id),
        ['PROCESSED'],
      );
      const { rows } = await pool.query('select count(*)::int as effects from effect where event = any($1)', [
        events.map(({ id }) => id),
      ]);
      expect(rows).toEqual([{ effects: FLOOD }]);
    }
  });

  test('with handleAll commits all its events in one transaction', async () => {
    const events = await flood('together');
    await untilAll(
      events.map(({ id }) => id),
      ['PROCESSED'],
    );
    const { rows } = await pool.query<{ what: string | null }>(
      'select distinct what from effect where event = any($1)',
      [events.map(({ id }) => id)],
    );
    expect(rows.some(({ what }) => what?.startsWith('together'))).toBe(true);
  });

  test('whose handleAll fails takes its events one by one', async () => {
    const events = await flood('together', [{ plan: ['fail', 'ok'] }]);
    await untilAll(
      events.map(({ id }) => id),
      ['PROCESSED'],
    );
    expect(await until(events[0]!.id, ({ retry_count }) => retry_count === 1)).toMatchObject({
      last_error: 'the script says fail',
    });
    const { rows } = await pool.query(
      'select count(*)::int as count from tem.event where id = any($1) and retry_count > 0',
      [events.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ count: 1 }]);
  });
});
