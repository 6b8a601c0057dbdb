// What the relay knows of the queue: which lanes have something due and where each begins. It asks the ledger at most
// so often that asking stays a small part of its time, also when an old snapshot makes the question slow.

import type { Pool } from 'pg';
import { type Claimed, discoverLanes, type Lane } from '../../core/ledger/claim.ts';

/** Due lanes of one type that are known at a time. */
const DUE_LANES_MAX = 1_000;
const ASK_EVERY_MS_MIN = 25;
/** After asking, so many times as long as that took is left for claims. */
const REST_FACTOR = 5;

export interface KnownLane extends Lane {
  dueAtMs: number;
  /** Raised when it is claimed from: the lane whose number is lowest has waited for its turn the longest. */
  turn: number;
}

export interface Lanes {
  /** Looks at the queue again when it is time, or when `urgent` says that something came; resolves to whether it did. */
  refresh(urgent: boolean): Promise<boolean>;
  /** Milliseconds until something urgent may be looked for again; 0 when it may be now. */
  restLeftMs(): number;
  /** Due lanes of one type, first priority first; within one priority in turns, as they are claimed from. */
  due(type: string, lane: number): KnownLane[];
  /** Types with something due. */
  dueTypes(): string[];
  /** Moves the beginning of the lanes that were claimed from, and forgets those that are empty. */
  claimed(from: readonly KnownLane[], take: number, rows: readonly Claimed[]): void;
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
      if (nowMs - askedAtMs < Math.max(urgent ? 0 : ASK_EVERY_MS_MIN, askTookMs * REST_FACTOR)) return false;
      const found = await discoverLanes(pool, [...types], DUE_LANES_MAX);
      askedAtMs = performance.now();
      askTookMs = askedAtMs - nowMs;
      const turns = new Map(known.map((lane) => [nameOf(lane), lane.turn]));
      // A new lane stands behind those that wait already, or one that empties and fills would always be first.
      known = found.map((lane) => ({
        ...lane,
        dueAtMs: askedAtMs + lane.dueInMs,
        turn: turns.get(nameOf(lane)) ?? turn,
      }));
      return true;
    },
    due(type, lane) {
      const due = known.filter((each) => each.type === type && each.lane === lane && isDue(each));
      return due.sort((a, b) => a.priority - b.priority || a.turn - b.turn);
    },
    dueTypes: () => [...new Set(known.filter(isDue).map((lane) => lane.type))],
    claimed(from, take, rows) {
      turn += 1;
      for (const lane of from) {
        const own = rows.filter(
          (row) =>
            row.lane === lane.lane &&
            row.priority === lane.priority &&
            row.group === lane.group &&
            row.type === lane.type,
        );
        const last = own.at(-1);
        lane.turn = turn;
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

/** A type's name holds no space. */
function nameOf({ type, lane, priority, group }: Lane): string {
  return `${type} ${lane} ${priority} ${group}`;
}
