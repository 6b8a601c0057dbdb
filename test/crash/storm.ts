// Many events that fail at the same time must not come back at the same time.

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Logged } from '../support/event-types.ts';
import { type NewEvent, setup } from './setup.ts';

/** A second may hold this many times the mean of its wave. */
const PEAK_MAX = 3;

/** Of the range that the default policy's jitter gives a wait, a tenth holds at most this many times its share. */
const TENTH_MAX = 2;

/** `begin` takes what is due so soon, and what is due says so in milliseconds. */
const EARLY_MAX_MS = 51;

/** No attempt that is due may wait this long while the worker begins none at all. */
const IDLE_MAX_MS = 3_000;

export interface Storm {
  events: number;
  event: NewEvent;
  attempts: number;
  memoryMaxMb: number;
  /** Whether they can all fail within seconds of each other, so that what follows is one wave. */
  atOnce: boolean;
  /** How soon all are PROCESSED; less than what the test may take, or nobody is told how far they came. */
  withinMs: number;
}

export async function weather(environment: Record<string, string>, storm: Storm): Promise<void> {
  const scene = await setup(environment);
  await scene.pool.query(KEEP_DUE_TIMES);
  const ids: string[] = [];
  const due = new Date(Date.now() + 1_000);
  for (let sent = 0; sent < storm.events; sent += 2_000) {
    const count = Math.min(2_000, storm.events - sent);
    ids.push(...(await scene.send(Array.from({ length: count }, () => ({ ...storm.event, runAt: due })))));
  }
  const worker = await scene.startWorker();
  await scene.untilAll('PROCESSED', storm.withinMs, ids);

  const { rows } = await scene.pool.query<Due>('select event_id as event, attempt, at, delay_ms as "delayMs" from due');
  for (let attempt = 2; attempt <= storm.attempts; attempt++) {
    const wave = rows.filter((row) => row.attempt === attempt);
    expect(new Set(wave.map(({ event }) => event)).size).toBe(storm.events);
    expectJitter(wave, attempt);
    if (storm.atOnce) expectSpread(wave, attempt);
  }
  expect(rows).toHaveLength(storm.events * (storm.attempts - 1));
  expectBegunWhenDue(rows, scene.log());
  await scene.expectSomeBatched(ids);
  expect(peakMemoryMb(worker.pid)).toBeLessThan(storm.memoryMaxMb);
}

interface Due {
  event: string;
  attempt: number;
  /** Unix milliseconds. */
  at: number;
  delayMs: number;
}

/** Their waits fill the whole range that the policy gives them. */
function expectJitter(wave: readonly Due[], attempt: number): void {
  const middleMs = 10_000 * 2 ** (attempt - 2);
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const { delayMs } of wave) {
    const share = delayMs / middleMs;
    expect(share, `a wait before attempt ${attempt}`).toBeGreaterThanOrEqual(0.8);
    expect(share, `a wait before attempt ${attempt}`).toBeLessThanOrEqual(1.2);
    const tenth = Math.max(0, Math.min(9, Math.floor((share - 0.8) * 25)));
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  expect(Math.max(...tenths), `waits before attempt ${attempt}: ${JSON.stringify(tenths)}`).toBeLessThanOrEqual(
    (TENTH_MAX * wave.length) / 10,
  );
}

/** No second holds too many of a wave. */
function expectSpread(wave: readonly Due[], attempt: number): void {
  const counts = new Map<number, number>();
  for (const { at } of wave) {
    const second = Math.floor(at / 1_000);
    counts.set(second, (counts.get(second) ?? 0) + 1);
  }
  const span = Math.max(...counts.keys()) - Math.min(...counts.keys()) + 1;
  expect(Math.max(...counts.values()), `attempt ${attempt}: ${JSON.stringify([...counts])}`).toBeLessThanOrEqual(
    (PEAK_MAX * wave.length) / span,
  );
}

/**
 * Attempts that are due spread out begin so: none too early, and none held back to begin with others. How many begin in
 * one second is no measure of that: on a machine that can't keep up, it is the machine's own unevenness.
 */
function expectBegunWhenDue(due: readonly Due[], log: readonly Logged[]): void {
  const began = log.filter(({ what }) => what === 'began').toSorted((one, other) => one.at - other.at);
  const begunAt = new Map(began.map(({ event, attempt, at }) => [`${event} ${attempt}`, at]));
  for (const { event, attempt, at } of due) {
    const begun = begunAt.get(`${event} ${attempt}`);
    expect(begun, `attempt ${attempt} of ${event}, due at ${at}`).toBeGreaterThanOrEqual(at - EARLY_MAX_MS);
  }
  for (const [index, { at: until }] of began.entries()) {
    const since = began[index - 1]?.at ?? until;
    if (until - since <= IDLE_MAX_MS) continue;
    const heldBack = due.filter(({ event, attempt, at }) => {
      const begun = begunAt.get(`${event} ${attempt}`) ?? 0;
      return begun >= until && until - Math.max(at, since) > IDLE_MAX_MS;
    });
    expect(heldBack, `nothing began from ${since} to ${until}`).toEqual([]);
  }
}

// The row forgets next_retry_at when the attempt begins.
const KEEP_DUE_TIMES = `
  create table due (event_id uuid not null, attempt int not null, at float8 not null, delay_ms float8 not null);
  create function keep_due_time() returns trigger language plpgsql as $$ begin
    insert into public.due values (new.id, new.retry_count + 1, floor(extract(epoch from new.next_retry_at) * 1000),
      round(extract(epoch from new.next_retry_at - new.updated_at) * 1000));
    return null;
  end $$;
  create trigger keep_due_time after update on tem.event for each row
    when (new.state = 'FAILED' and old.state <> 'FAILED') execute function keep_due_time()`;

/** The most memory that a process ever held. Only Linux tells. */
function peakMemoryMb(pid: number): number {
  if (process.platform !== 'linux') return 0;
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(peak) / 1_024;
}
