// How the relay asks the ledger which lanes have something waiting: at most so often that asking stays a small part of
// its time. While an old snapshot is open, everything that was claimed since is still in the queue's index, and looking at
// all of it takes seconds: then it looks at each lane from where it has claimed last, and at the whole only now and then.

import type { Pool } from 'pg';
import { discoverLanes, type Lane, type Position } from '../../core/ledger/claim.ts';
import { createPositions, isBefore, laneName } from './positions.ts';

/** Due lanes of one type that are known at a time. */
const DUE_LANES_MAX = 1_000;
const ASK_EVERY_MS_MIN = 25;
/** After asking, so many times as long as that took is left for claims. */
const REST_FACTOR = 5;
/** As long as a whole look takes no longer than this, every look is one. */
const WHOLE_BRIEF_MS = 10;
/** Else one that is awaited by nobody comes after so many times as long as the last one took. */
const WHOLE_REST_FACTOR = 20;

export interface LookOptions {
  wholeBriefMs?: number;
  /** The time in milliseconds, from any beginning. */
  clock?: () => number;
}

export interface FoundLane extends Lane {
  /** The clock's time at which its oldest event is due. */
  dueAtMs: number;
}

export interface Look {
  /** Looks again when it is time, or when `urgent` says that something came; undefined when it is too early. */
  ask(urgent: boolean): Promise<FoundLane[] | undefined>;
  /** Milliseconds until something urgent may be looked for again; 0 when it may be now. */
  restLeftMs(): number;
  /** Says where a lane now begins, because everything before it has been claimed. */
  moved(lane: Position): void;
}

export function createLook(
  pool: Pool,
  types: readonly string[],
  { wholeBriefMs = WHOLE_BRIEF_MS, clock = () => performance.now() }: LookOptions = {},
): Look {
  const positions = createPositions(clock);
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let tookMs = 0;
  let wholeAtMs = Number.NEGATIVE_INFINITY;
  let wholeTookMs = 0;
  let beside: Promise<void> | undefined;
  let foundBeside: FoundLane[] = [];

  const discover = async (from: Position[]): Promise<FoundLane[]> => {
    const found = await discoverLanes(pool, types, DUE_LANES_MAX, from);
    const nowMs = clock();
    // Of a lane whose first event isn't due yet it is not known that nothing will come before that.
    for (const lane of found) if (lane.dueInMs <= 0) positions.set(lane);
    return found.map((lane) => ({ ...lane, dueAtMs: nowMs + lane.dueInMs }));
  };

  const discoverWhole = async (): Promise<FoundLane[]> => {
    const startedAtMs = clock();
    const found = await discover([]);
    wholeAtMs = clock();
    wholeTookMs = wholeAtMs - startedAtMs;
    return found;
  };

  const lookBeside = (): void => {
    if (beside || clock() - wholeAtMs < wholeTookMs * WHOLE_REST_FACTOR) return;
    beside = discoverWhole()
      .then((found) => {
        foundBeside = found;
      })
      // Whoever asks next meets the same trouble, and is told.
      .catch(() => {
        wholeAtMs = clock();
      })
      .finally(() => {
        beside = undefined;
      });
  };

  return {
    restLeftMs: () => Math.max(0, askedAtMs + tookMs * REST_FACTOR - clock()),
    async ask(urgent) {
      const nowMs = clock();
      if (nowMs - askedAtMs < Math.max(urgent ? 0 : ASK_EVERY_MS_MIN, tookMs * REST_FACTOR)) return undefined;
      const brief = wholeTookMs <= wholeBriefMs;
      if (!brief) lookBeside();
      const found = await (brief ? discoverWhole() : discover(positions.all()));
      askedAtMs = clock();
      tookMs = askedAtMs - nowMs;
      const merged = merge(found, foundBeside);
      foundBeside = [];
      return merged;
    },
    moved: (lane) => positions.set(lane),
  };
}

/** A lane that is in both begins where the earlier one says. */
function merge(found: FoundLane[], others: readonly FoundLane[]): FoundLane[] {
  if (others.length === 0) return found;
  const byName = new Map(found.map((lane) => [laneName(lane), lane]));
  for (const other of others) {
    const own = byName.get(laneName(other));
    if (!own || isBefore(other, own)) byName.set(laneName(other), other);
  }
  return [...byName.values()];
}
