// Many events that fail at the same time must not come back at the same time.

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Logged } from '../support/event-types.ts';
import { type NewEvent, setup } from './setup.ts';

/** A second may hold this many times the mean of its wave. */
const PEAK_MAX = 3;

export interface Storm {
  events: number;
  event: NewEvent;
  attempts: number;
  memoryMaxMb: number;
  /** Whether attempts must really begin as spread out as they are due, which needs a machine with nothing else to do. */
  begun: boolean;
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
  await scene.untilAll('PROCESSED', 600_000, ids);

  // When the ledger wanted each attempt: when it began depends also on what else the machine does.
  const { rows } = await scene.pool.query<Happening>('select attempt, second from due');
  expectSpread('due', storm, rows);
  if (storm.begun) {
    const later = scene.log().filter((entry) => entry.what === 'began' && entry.attempt > 1);
    expectSpread(
      'begun',
      storm,
      later.map(({ attempt, at }: Logged) => ({ attempt, second: Math.floor(at / 1_000) })),
    );
  }
  await scene.expectSomeBatched(ids);
  expect(peakMemoryMb(worker.pid)).toBeLessThan(storm.memoryMaxMb);
}

interface Happening {
  attempt: number;
  second: number;
}

/** Every event has each of its later attempts, and no second holds too many of one wave. */
function expectSpread(what: string, storm: Storm, happenings: readonly Happening[]): void {
  const waves = new Map<number, number[]>();
  for (const { attempt, second } of happenings) {
    const wave = waves.get(attempt) ?? [];
    wave.push(second);
    waves.set(attempt, wave);
  }
  expect([...waves.keys()].sort()).toEqual(Array.from({ length: storm.attempts - 1 }, (_, index) => index + 2));
  for (const [attempt, seconds] of waves) {
    const counts = new Map<number, number>();
    for (const second of seconds) counts.set(second, (counts.get(second) ?? 0) + 1);
    const span = Math.max(...counts.keys()) - Math.min(...counts.keys()) + 1;
    const mean = seconds.length / span;
    expect(seconds).toHaveLength(storm.events);
    expect(
      Math.max(...counts.values()),
      `attempt ${attempt} ${what}: ${JSON.stringify([...counts])}`,
    ).toBeLessThanOrEqual(PEAK_MAX * mean);
  }
}

// The row forgets next_retry_at when the attempt begins.
const KEEP_DUE_TIMES = `
  create table due (event_id uuid not null, attempt int not null, second int not null);
  create function keep_due_time() returns trigger language plpgsql as $$ begin
    insert into public.due values (new.id, new.retry_count + 1, floor(extract(epoch from new.next_retry_at)));
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
