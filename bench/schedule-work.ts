// What the measurement of schedules does: creates them through the API, changes one and looks into Temporal until it is there,
// and reads what the worker and the ledger say.

import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type pg from 'pg';
import { Pool } from 'undici';
import { dueSchedules } from '../src/core/schedules/look.ts';
import { ADMIN_KEY, type Tem } from './tem.ts';

const CREATE_AT_ONCE = 8;
const POLL_MS = 20;
const SYNC_POLL_MS = 250;
const TIMEOUT_MS = 1_200_000;
const CHANGE_TIMEOUT_MS = 60_000;
const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 600;

/** From the first POST until every one is in Temporal; resolves to seconds. */
export async function createAll(tem: Tem, count: number): Promise<{ accepted: number; present: number }> {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1_000;
  const http = new Pool(tem.apiUrl, { connections: CREATE_AT_ONCE });
  const numbers = Array.from({ length: count }, (_, number) => number).values();
  const post = async (): Promise<void> => {
    for (const number of numbers) await create(http, scheduleOf(number));
  };
  await Promise.all(Array.from({ length: CREATE_AT_ONCE }, post));
  await http.close();
  const accepted = seconds();
  await untilSynced(tem.pool);
  await withTemporal(tem, async (client) => {
    for (let found = 0; found < count; ) {
      found = 0;
      for await (const { scheduleId } of client.schedule.list({ pageSize: 500 })) {
        if (scheduleId.startsWith('bench-')) found += 1;
      }
      if (found < count) await delay(SYNC_POLL_MS);
      if (seconds() * 1_000 > TIMEOUT_MS) throw new Error(`Temporal lists ${found} of ${count} schedules`);
    }
  });
  return { accepted, present: seconds() };
}

/** Daily ones, spread over the day and over zones. */
function scheduleOf(number: number): Record<string, unknown> {
  const timeZone = ['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'UTC'][number % 4];
  return {
    id: `bench-${number}`,
    cron: `${number % 60} ${Math.floor(number / 60) % 24} * * *`,
    timeZone,
    type: 'bench.noop',
    payload: { text: '{{nominalTime}}' },
    // None of them fires within the measurement.
    startAt: new Date(Date.now() + 2 * 86_400_000).toISOString(),
  };
}

async function create(http: Pool, schedule: Record<string, unknown>): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const body = JSON.stringify(schedule);
  const answer = await http.request({ method: 'POST', path: '/v1/schedules', headers, body });
  const text = await answer.body.text();
  if (answer.statusCode !== 201) throw new Error(`POST /v1/schedules answered ${answer.statusCode}: ${text}`);
}

/** Until Temporal was given every row as it is. */
export async function untilSynced(pool: pg.Pool): Promise<void> {
  const giveUpAt = performance.now() + TIMEOUT_MS;
  for (;;) {
    const { rows } = await pool.query<{ left: number }>(
      'select count(*)::int as left from tem.schedule_state where synced_revision is distinct from revision',
    );
    if (rows[0]?.left === 0) return;
    if (performance.now() > giveUpAt) throw new Error(`${rows[0]?.left} schedules are not in Temporal`);
    await delay(SYNC_POLL_MS);
  }
}

/** Changes schedules one after the other; the milliseconds from each request to Temporal's describe that says so. */
export async function changeSome(tem: Tem, changes: number, count: number): Promise<number[]> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  return withTemporal(tem, async (client) => {
    const took: number[] = [];
    for (let change = 0; change < changes; change++) {
      const id = `bench-${(change * 7_919) % count}`;
      const note = `change ${change}`;
      const startedAt = performance.now();
      const answer = await fetch(`${tem.apiUrl}/v1/schedules/${id}/pause`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ note }),
      });
      if (!answer.ok) throw new Error(`pausing ${id} answered ${answer.status}`);
      const handle = client.schedule.getHandle(id);
      while ((await handle.describe()).state.note !== note) {
        if (performance.now() - startedAt > CHANGE_TIMEOUT_MS) throw new Error(`${id} was not changed in Temporal`);
        await delay(POLL_MS);
      }
      took.push(performance.now() - startedAt);
      await delay(PAUSE_MS_MIN + Math.random() * (PAUSE_MS_MAX - PAUSE_MS_MIN));
    }
    return took;
  });
}

async function withTemporal<Result>(tem: Tem, work: (client: Client) => Promise<Result>): Promise<Result> {
  const connection = await Connection.connect({ address: tem.temporalAddress });
  try {
    return await work(new Client({ connection, namespace: 'default' }));
  } finally {
    await connection.close();
  }
}

/** One schedule of every second until it has fired so often; the lateness of each firing in milliseconds. */
export async function fireEverySecond(pool: pg.Pool, firings: number): Promise<number[]> {
  await pool.query(
    `insert into tem.schedule (id, every, time_zone, type, payload, overlap)
     values ('second', '1 second', 'UTC', 'bench.noop', '{"text": "{{nominalTime}}"}', 'allowAll')`,
  );
  const lateness = async (): Promise<number[]> => {
    const { rows } = await pool.query<{ late: number }>(
      `select extract(epoch from started_at - at)::float8 * 1000 as late from tem.schedule_run
       where schedule_id = 'second' and outcome = 'fired' order by at`,
    );
    return rows.map(({ late }) => late);
  };
  const giveUpAt = performance.now() + TIMEOUT_MS;
  // The first ones come while the schedule is being made.
  const warmUp = 3;
  for (;;) {
    const found = await lateness();
    if (found.length >= firings + warmUp) {
      await pool.query(`delete from tem.schedule where id = 'second'`);
      return found.slice(warmUp);
    }
    if (performance.now() > giveUpAt) throw new Error(`only ${found.length} firings`);
    await delay(SYNC_POLL_MS);
  }
}

/** The ledger's look for what is due, as the worker asks it, in milliseconds. */
export async function lookSome(pool: pg.Pool, looks: number): Promise<number[]> {
  const took: number[] = [];
  for (let look = 0; look < looks; look++) {
    const startedAt = performance.now();
    await dueSchedules(pool);
    took.push(performance.now() - startedAt);
    await delay(POLL_MS);
  }
  return took;
}

/** How much of one core all of TEM took while nobody asked anything of it, as a share by process and in all. */
export async function idleShare(tem: Tem, seconds: number): Promise<{ all: number; by: Record<string, number> }> {
  const before = tem.processor();
  const startedAt = performance.now();
  await delay(seconds * 1_000);
  const tookMs = performance.now() - startedAt;
  const shares = Object.entries(tem.processor()).map(
    ([name, ms]) => [name, (100 * (ms - (before[name] ?? 0))) / tookMs] as const,
  );
  return { all: shares.reduce((sum, [, share]) => sum + share, 0), by: Object.fromEntries(shares) };
}

/** What the worker says of its last whole comparison. */
export async function comparison(metricsUrl: string): Promise<{ seconds: number; count: number }> {
  const text = await (await fetch(metricsUrl)).text();
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return {
    seconds: value('tem_schedule_comparison_seconds'),
    count: value('tem_schedule_comparisons_total'),
  };
}
