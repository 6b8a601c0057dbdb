// What the relay knows of the queue: which lanes have something due and where each begins. It asks the ledger at most
// so often that asking stays a small part of its time, also when an old snapshot makes the question slow.

import type { Pool } from 'pg';
import { type Claimed, discoverLanes, type Lane } from '../../core/ledger/claim.ts';

/** Due lanes of one type that are known at a time. */
const DUE_LANES_MAX = 1_000;
const ASK_EVERY_MS_MIN = 25;
/** After asking, so many times as long as that took is left for claims. */
const REST_FACTOR = 5;

type KnownLane = Lane & { dueAtMs: number };

export interface Lanes {
  /** Looks at the queue again when it is time, or when `urgent` says that something came. */
  refresh(urgent: boolean): Promise<void>;
  /** Milliseconds until something urgent may be looked for again; 0 when it may be now. */
  restLeftMs(): number;
  /** Due lanes of one type, first priority first; within one priority in turns. */
  due(type: string, lane: number): Lane[];
  /** Types with something due. */
  dueTypes(): string[];
  /** Moves the beginning of the lanes that were claimed from, and forgets those that are empty. */
  claimed(from: readonly Lane[], take: number, rows: readonly Claimed[]): void;
  /** Milliseconds until the next lane is due; undefined when none is known. */
  nextDueInMs(): number | undefined;
}

export function createLanes(pool: Pool, types: ReadonlySet<string>): Lanes {
  let known: KnownLane[] = [];
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let askTookMs = 0;
  let turn = 0;

  const isDue = (lane: KnownLane): boolean => lane.dueAtMs <= performance.now();

  return {
    restLeftMs: () => Math.max(0, askedAtMs + askTookMs * REST_FACTOR - performance.now()),
    async refresh(urgent) {
      const nowMs = performance.now();
      if (nowMs - askedAtMs < Math.max(urgent ? 0 : ASK_EVERY_MS_MIN, askTookMs * REST_FACTOR)) return;
      const found = await discoverLanes(pool, [...types], DUE_LANES_MAX);
      askedAtMs = performance.now();
      askTookMs = askedAtMs - nowMs;
      known = found.map((lane) => ({ ...lane, dueAtMs: askedAtMs + lane.dueInMs }));
    },
    due(type, lane) {
      const due = known.filter((each) => each.type === type && each.lane === lane && isDue(each));
      if (due.length < 2) return due;
      turn += 1;
      const rotated = [...due.slice(turn % due.length), ...due.slice(0, turn % due.length)];
      return rotated.sort((a, b) => a.priority - b.priority);
    },
    dueTypes: () => [...new Set(known.filter(isDue).map((lane) => lane.type))],
    claimed(from, take, rows) {
      for (const lane of from) {
        const own = rows.filter(
          (row) =>
            row.lane === lane.lane &&
            row.priority === lane.priority &&
            row.group === lane.group &&
            row.type === lane.type,
        );
        const last = own.at(-1);
        if (last && own.length >= take) lane.from = last.dueAt;
        else known = known.filter((each) => each !== lane);
      }
    },
    nextDueInMs() {
      const next = Math.min(...known.map((lane) => lane.dueAtMs));
      return Number.isFinite(next) ? Math.max(0, next - performance.now()) : undefined;
    },
  };
}
