// What the relay knows of the queue: which lanes have something due and where each begins.

import type { Pool } from 'pg';
import type { Claimed } from '../../core/ledger/claim.ts';
import { createLook, type FoundLane, type LookOptions } from './look.ts';
import { laneName } from './positions.ts';

export interface KnownLane extends FoundLane {
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
  /** Whether more groups wait than those that it knows of, and nothing of these is due. */
  goesOn(): boolean;
}

export interface LanesOptions extends LookOptions {
  /** When a lane's flow lets its events be claimed (performance.now); infinite while it is paused. */
  openAtMs?: ((lane: FoundLane) => number) | undefined;
}

export function createLanes(
  pool: Pool,
  types: ReadonlySet<string>,
  { openAtMs = () => 0, ...options }: LanesOptions = {},
): Lanes {
  const look = createLook(pool, [...types], options);
  let known: KnownLane[] = [];
  let turn = 0;

  const isDue = (lane: KnownLane): boolean => lane.dueAtMs <= performance.now() && openAtMs(lane) <= performance.now();

  return {
    restLeftMs: look.restLeftMs,
    async refresh(urgent) {
      const found = await look.ask(urgent);
      if (!found) return false;
      const turns = new Map(known.map((lane) => [laneName(lane), lane.turn]));
      // A new lane stands behind those that wait already, or one that empties and fills would always be first; among new
      // ones chance decides, so that relays side by side take different ones.
      known = found.map((lane) => ({ ...lane, turn: turns.get(laneName(lane)) ?? turn + Math.random() }));
      return true;
    },
    due(type, lane) {
      const due = known.filter((each) => each.type === type && each.lane === lane && isDue(each));
      return due.sort((a, b) => a.priority - b.priority || a.turn - b.turn);
    },
    dueTypes: () => [...new Set(known.filter(isDue).map((lane) => lane.type))],
    claimed(from, take, rows) {
      turn += 1;
      const byLane = new Map<string, Claimed[]>();
      for (const row of rows) byLane.set(laneName(row), [...(byLane.get(laneName(row)) ?? []), row]);
      const emptied = new Set<KnownLane>();
      for (const lane of from) {
        const own = byLane.get(laneName(lane)) ?? [];
        const last = own.at(-1);
        lane.turn = turn;
        look.served(lane);
        if (last) {
          lane.from = last.dueAt;
          lane.fromId = last.id;
          look.moved(lane);
        }
        if (own.length < take) emptied.add(lane);
      }
      known = known.filter((lane) => !emptied.has(lane));
    },
    nextDueInMs() {
      const next = Math.min(...known.map((lane) => Math.max(lane.dueAtMs, openAtMs(lane))));
      return Number.isFinite(next) ? Math.max(0, next - performance.now()) : undefined;
    },
    goesOn: () => look.goesOn() && !known.some(isDue),
  };
}
