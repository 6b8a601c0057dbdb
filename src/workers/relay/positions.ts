// Where the relay goes on looking in lanes that it knows, also in those that are empty: at a place before which it has seen
// nothing waiting, long enough ago that transactions which were open then have committed.

import type { Lane, Position } from '../../core/ledger/claim.ts';

/** An event has its place in a lane before its transaction commits: so much later it may still appear there. */
const COMMITTED_LATE_MAX_MS = 5_000;
/** Of places that follow each other more closely only some are kept. */
const APART_MS = 1_000;
const LANES_MAX = 1_000;

interface Seen {
  place: Position;
  atMs: number;
}

export interface Positions {
  /** At this moment nothing waits in the lane before this place. */
  set(place: Position): void;
  /** Of each lane the newest place that is old enough. */
  all(): Position[];
}

/** `clock`: the time in milliseconds, from any beginning. */
export function createPositions(clock: () => number): Positions {
  // Of each lane the places in the order in which they were seen, and only the first may be old enough. The lane that was
  // set longest ago comes first, and is the first to be forgotten.
  const lanes = new Map<string, Seen[]>();
  const isOld = (seen: Seen): boolean => clock() - seen.atMs >= COMMITTED_LATE_MAX_MS;
  const newestOld = (places: readonly Seen[]): number => places.findLastIndex(isOld);

  return {
    set({ type, lane, priority, group, from, fromId }) {
      const now: Seen = { place: { type, lane, priority, group, from, fromId }, atMs: clock() };
      const name = laneName(now.place);
      const places = lanes.get(name) ?? [];
      places.splice(0, newestOld(places));
      // Something older has come: the lane begins there, whatever was seen before.
      for (const seen of places) if (isBefore(now.place, seen.place)) seen.place = now.place;
      if (now.atMs - (places.at(-2)?.atMs ?? Number.NEGATIVE_INFINITY) < APART_MS) places.pop();
      places.push(now);
      lanes.delete(name);
      lanes.set(name, places);
      const [first] = lanes.keys();
      if (lanes.size > LANES_MAX && first !== undefined) lanes.delete(first);
    },
    all: () => [...lanes.values()].flatMap((places) => places[newestOld(places)]?.place ?? []),
  };
}

export function isBefore(one: Position, other: Position): boolean {
  return one.from < other.from || (one.from === other.from && one.fromId < other.fromId);
}

/** A type's name holds no space. */
export function laneName({ type, lane, priority, group }: Pick<Lane, 'type' | 'lane' | 'priority' | 'group'>): string {
  return `${type} ${lane} ${priority} ${group}`;
}
