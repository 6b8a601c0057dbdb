// How the relay asks the ledger which lanes have something waiting: at most so often that asking stays a small part of
// its time. While an old snapshot is open, everything that was claimed since is still in the queue's index, and looking at
// all of it takes seconds: then it looks at each lane from where that began some seconds ago, and at the whole now and then.
// A whole look takes in so many groups as windows.ts says.

import type { Pool } from 'pg';
import {
  discoverAllLanes,
  discoverLanes,
  type Found,
  type Lane,
  type LanePlace,
  type Position,
} from '../../core/ledger/discover.ts';
import { createPositions, isBefore, laneName } from './positions.ts';
import { createWindows } from './windows.ts';

/** Groups of one type, lane and priority that a look takes in. */
const GROUPS_MAX = 500;
const ASK_EVERY_MS_MIN = 25;
/** After asking, so many times as long as that took is left for claims. */
const REST_FACTOR = 5;
/** As long as a whole look takes no longer than this, and this for each lane that it finds, every look is one. */
const WHOLE_BRIEF_MS = 10;
const LANE_BRIEF_MS = 0.5;
/** Else one that nobody awaits comes after so many times as long as it takes, but after this time at last. */
const WHOLE_REST_FACTOR = 20;
const WHOLE_REST_MS_MAX = 300_000;

export interface LookOptions {
  /** The time in milliseconds, from any beginning. */
  clock?: () => number;
  /** Whether a whole look that takes so long may be awaited each time; else how long after one the next may begin. */
  isBrief?: (tookMs: number) => boolean;
  wholeRestMs?: (tookMs: number) => number;
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
  /** Says where a lane now begins, because everything before it was claimed, or was locked by others. */
  moved(lane: Position): void;
  /** Says that a lane has had its turn. */
  served(lane: LanePlace): void;
  /** Whether the look before has left groups out that the next one takes in. */
  goesOn(): boolean;
}

export function createLook(
  pool: Pool,
  types: readonly string[],
  {
    clock = () => performance.now(),
    isBrief = (tookMs) => tookMs <= WHOLE_BRIEF_MS,
    wholeRestMs = (tookMs) => Math.min(tookMs * WHOLE_REST_FACTOR, WHOLE_REST_MS_MAX),
  }: LookOptions = {},
): Look {
  const positions = createPositions();
  const windows = createWindows();
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let wholeAtMs = Number.NEGATIVE_INFINITY;
  // What the last two took: a single one may have met a hiccup.
  let tookMs = [0];
  let wholeTookMs: number[] = [];
  let beside: Promise<void> | undefined;
  let foundBeside: FoundLane[] = [];

  const keep = ({ lanes, ends, asOf }: Found, startedAtMs: number, isAll: boolean): FoundLane[] => {
    const nowMs = clock();
    const due = lanes.filter((lane) => lane.dueInMs <= 0);
    for (const lane of due) positions.set(lane, nowMs);
    // Else there may be due lanes that it doesn't name.
    if (isAll && ends.length === 0) positions.setEmpty(due, asOf, nowMs);
    positions.looked(startedAtMs);
    return lanes.map((lane) => ({ ...lane, dueAtMs: nowMs + lane.dueInMs }));
  };

  const lookWhole = async (discover: Discover): Promise<FoundLane[]> => {
    const startedAtMs = clock();
    let count = 0;
    try {
      const after = windows.after();
      const found = await discover(pool, types, after);
      windows.looked(found.lanes, found.ends);
      count = found.count;
      return keep(found, startedAtMs, after.length === 0);
    } finally {
      wholeAtMs = clock();
      wholeTookMs = [...wholeTookMs.slice(-1), Math.max(0, wholeAtMs - startedAtMs - count * LANE_BRIEF_MS)];
    }
  };

  const lookFromPositions = async (): Promise<FoundLane[]> => {
    const startedAtMs = clock();
    const trusted = positions.trusted();
    // Between any two of them there may be as many groups again.
    const groupsMax = Math.ceil(GROUPS_MAX / (trusted.length + 1));
    return keep(await discoverLanes(pool, types, groupsMax, { positions: trusted }), startedAtMs, true);
  };

  const lookBeside = (): void => {
    if (beside || clock() - wholeAtMs < wholeRestMs(Math.min(...wholeTookMs))) return;
    beside = lookWhole(patiently)
      .then((found) => {
        foundBeside = found;
      })
      // The ledger is away, which whoever asks next is told as well.
      .catch(() => {})
      .finally(() => {
        beside = undefined;
      });
  };

  const look = async (): Promise<FoundLane[]> => {
    // Nobody knows yet how long it takes, and without it nothing would be known at all.
    if (wholeTookMs.length === 0) return lookWhole(patiently);
    if (isBrief(Math.min(...wholeTookMs))) return lookWhole(briefly);
    lookBeside();
    return lookFromPositions();
  };

  const restLeftMs = (leastMs = 0): number =>
    windows.isUsedUp() ? 0 : Math.max(0, askedAtMs + Math.max(leastMs, Math.min(...tookMs) * REST_FACTOR) - clock());

  return {
    restLeftMs: () => restLeftMs(),
    async ask(urgent) {
      if (restLeftMs(urgent ? 0 : ASK_EVERY_MS_MIN) > 0) return undefined;
      const startedAtMs = clock();
      const found = await look();
      askedAtMs = clock();
      tookMs = [...tookMs.slice(-1), askedAtMs - startedAtMs];
      const merged = merge(found, foundBeside);
      foundBeside = [];
      return merged;
    },
    moved: (lane) => positions.set(lane, clock()),
    served: windows.served,
    goesOn: windows.goesOn,
  };
}

type Discover = (pool: Pool, types: readonly string[], after: readonly LanePlace[]) => Promise<Found>;

const patiently: Discover = (pool, types, after) => discoverAllLanes(pool, types, GROUPS_MAX, after);
const briefly: Discover = (pool, types, after) => discoverLanes(pool, types, GROUPS_MAX, { after });

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
