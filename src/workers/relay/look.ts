// How the relay asks the ledger which lanes have something waiting: at most so often that asking stays a small part of
// its time. While an old snapshot is open, everything that was claimed since is still in the queue's index, and looking at
// all of it takes seconds: then it looks at each lane from where that began some seconds ago, and at the whole now and then.

import type { Pool } from 'pg';
import { discoverAllLanes, discoverLanes, type Found, type Lane, type Position } from '../../core/ledger/claim.ts';
import { createPositions, isBefore, laneName } from './positions.ts';

/** Due lanes of one type that are known at a time. */
const DUE_LANES_MAX = 1_000;
const ASK_EVERY_MS_MIN = 25;
/** After asking, so many times as long as that took is left for claims. */
const REST_FACTOR = 5;
/** As long as a whole look takes no longer than this, every look is one. */
const WHOLE_BRIEF_MS = 10;
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
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let wholeAtMs = Number.NEGATIVE_INFINITY;
  // What the last two took: a single one may have met a hiccup.
  let tookMs = [0];
  let wholeTookMs: number[] = [];
  let beside: Promise<void> | undefined;
  let foundBeside: FoundLane[] = [];

  const keep = ({ lanes, asOf }: Found, startedAtMs: number): FoundLane[] => {
    const nowMs = clock();
    const due = lanes.filter((lane) => lane.dueInMs <= 0);
    for (const lane of due) positions.set(lane, nowMs);
    // Else there may be due lanes that it doesn't name.
    if (lanes.length < DUE_LANES_MAX) positions.setEmpty(due, asOf, nowMs);
    positions.looked(startedAtMs);
    return lanes.map((lane) => ({ ...lane, dueAtMs: nowMs + lane.dueInMs }));
  };

  const lookWhole = async (discover: typeof discoverAllLanes): Promise<FoundLane[]> => {
    const startedAtMs = clock();
    try {
      return keep(await discover(pool, types, DUE_LANES_MAX), startedAtMs);
    } finally {
      wholeAtMs = clock();
      wholeTookMs = [...wholeTookMs.slice(-1), wholeAtMs - startedAtMs];
    }
  };

  const lookFromPositions = async (): Promise<FoundLane[]> => {
    const startedAtMs = clock();
    return keep(await discoverLanes(pool, types, DUE_LANES_MAX, positions.trusted()), startedAtMs);
  };

  const lookBeside = (): void => {
    if (beside || clock() - wholeAtMs < wholeRestMs(Math.min(...wholeTookMs))) return;
    beside = lookWhole(discoverAllLanes)
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
    if (wholeTookMs.length === 0) return lookWhole(discoverAllLanes);
    if (isBrief(Math.min(...wholeTookMs))) return lookWhole(discoverLanes);
    lookBeside();
    return lookFromPositions();
  };

  const restLeftMs = (leastMs = 0): number =>
    Math.max(0, askedAtMs + Math.max(leastMs, Math.min(...tookMs) * REST_FACTOR) - clock());

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
