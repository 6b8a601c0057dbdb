// Where the relay goes on looking in lanes that it knows, also in those that are empty: at a place before which it has seen
// nothing waiting, so long ago that what has its place there has committed, or is late beyond measure.

import type { Lane, Position } from '../../core/ledger/discover.ts';

/** An event has its place in a lane before its transaction commits: so much later it may still appear there. */
const COMMITTED_LATE_MAX_MS = 5_000;
/** Of places that follow each other more closely only some are kept. */
const APART_MS = 1_000;
const LANES_MAX = 1_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

interface Seen {
  place: Position;
  atMs: number;
}

export interface Positions {
  /** At `atMs` nothing waited in the lane before this place, but for rows that others had locked. */
  set(place: Position, atMs: number): void;
  /** At `atMs` nothing at all was due in lanes other than these; `asOf` is that time as Postgres writes it. */
  setEmpty(butIn: readonly Position[], asOf: string, atMs: number): void;
  /** A look that began at `startedAtMs` went well: what had committed by then was found, or is to be found later. */
  looked(startedAtMs: number): void;
  /** Of each lane the newest place that may be relied on. */
  trusted(): Position[];
}

/** All times in milliseconds, of one clock. */
export function createPositions(): Positions {
  // Of each lane the places in the order in which they were seen. The lane that was set longest ago comes first, and is the
  // first to be forgotten.
  const lanes = new Map<string, Seen[]>();
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  // Since then there was a look that still began at an older place, and would have found what had committed late.
  const isOld = (seen: Seen): boolean => lookedAtMs - seen.atMs >= COMMITTED_LATE_MAX_MS;
  const newestOld = (places: readonly Seen[]): number => places.findLastIndex(isOld);
  const add = (places: Seen[], now: Seen): void => {
    places.splice(0, newestOld(places));
    if (now.atMs - (places.at(-2)?.atMs ?? Number.NEGATIVE_INFINITY) < APART_MS) places.pop();
    places.push(now);
  };

  return {
    set({ type, lane, priority, group, from, fromId }, atMs) {
      const now: Seen = { place: { type, lane, priority, group, from, fromId }, atMs };
      const name = laneName(now.place);
      const places = lanes.get(name) ?? [];
      // Something older has come: the lane begins there, whatever was seen before.
      for (const seen of places) if (isBefore(now.place, seen.place)) seen.place = now.place;
      add(places, now);
      lanes.delete(name);
      lanes.set(name, places);
      const [first] = lanes.keys();
      if (lanes.size > LANES_MAX && first !== undefined) lanes.delete(first);
    },
    setEmpty(butIn, asOf, atMs) {
      const others = new Set(butIn.map(laneName));
      for (const [name, places] of lanes) {
        const last = places.at(-1)?.place;
        const place = last && { ...last, from: asOf, fromId: FIRST_ID };
        // It may have been claimed from since.
        if (place && !others.has(name) && isBefore(last, place)) add(places, { place, atMs });
      }
    },
    looked(startedAtMs) {
      lookedAtMs = Math.max(lookedAtMs, startedAtMs);
    },
    trusted: () => [...lanes.values()].flatMap((places) => places[newestOld(places)]?.place ?? []),
  };
}

export function isBefore(one: Position, other: Position): boolean {
  return one.from < other.from || (one.from === other.from && one.fromId < other.fromId);
}

/** A type's name holds no space. */
export function laneName({ type, lane, priority, group }: Pick<Lane, 'type' | 'lane' | 'priority' | 'group'>): string {
  return `${type} ${lane} ${priority} ${group}`;
}
