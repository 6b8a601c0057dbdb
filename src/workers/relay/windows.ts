// Which part of the queue a look takes in when more groups wait than it may look at. It is a window over each kind of lane
// (one type, lane and priority), in the order of the groups: it moves on as what it shows has had a turn, and begins anew
// at the end, so that a look costs the same for any number of groups, and each of them has its turn.

import type { Lane, LanePlace } from '../../core/ledger/discover.ts';
import { laneName } from './positions.ts';

export interface Windows {
  /** Of each kind that a look is not to begin with its first group: the group after which it begins. */
  after(): LanePlace[];
  /** What a look has found, in the order of the groups, and where it has left off. */
  looked(lanes: readonly Lane[], ends: readonly LanePlace[]): void;
  /** It was claimed from. */
  served(lane: LanePlace): void;
  /** Whether the look before has left groups out that the next one takes in. */
  goesOn(): boolean;
  /** Whether it has found many, there are more behind, and all of these had their turn. */
  isUsedUp(): boolean;
}

/** Due groups that are worth a look without a rest before it: it takes a small part of the time of their events. */
const MANY = 100;

interface Window {
  /** Due lanes, in the order of their groups. */
  lanes: LanePlace[];
  start: LanePlace | undefined;
  /** Undefined when there is no group behind it. */
  end: LanePlace | undefined;
}

export function createWindows(): Windows {
  let windows = new Map<string, Window>();
  const served = new Set<string>();
  /** Of the due lanes those that had no turn yet, of each kind. */
  let waiting = new Map<string, number>();

  const nextStart = ({ lanes, start, end }: Window): LanePlace | undefined => {
    // All of it fits.
    if (!start && !end) return undefined;
    const first = lanes.findIndex((lane) => !served.has(laneName(lane)));
    if (first === -1) return end;
    return first === 0 ? start : lanes[first - 1];
  };

  return {
    after: () => [...windows.values()].flatMap((window) => nextStart(window) ?? []),
    looked(lanes, ends) {
      const starts = new Map([...windows].map(([kind, window]) => [kind, nextStart(window)]));
      windows = new Map();
      waiting = new Map();
      served.clear();
      const windowOf = (lane: LanePlace): Window => {
        const kind = kindOf(lane);
        const window = windows.get(kind) ?? { lanes: [], start: starts.get(kind), end: undefined };
        windows.set(kind, window);
        return window;
      };
      for (const lane of lanes) if (lane.dueInMs <= 0) windowOf(lane).lanes.push(lane);
      for (const end of ends) windowOf(end).end = end;
      for (const [kind, { lanes: due }] of windows) waiting.set(kind, due.length);
    },
    served(lane) {
      const name = laneName(lane);
      if (served.has(name)) return;
      served.add(name);
      waiting.set(kindOf(lane), (waiting.get(kindOf(lane)) ?? 0) - 1);
    },
    goesOn: () => [...windows.values()].some((window) => nextStart(window) !== undefined),
    isUsedUp: () =>
      [...windows].some(([kind, { lanes, end }]) => end && lanes.length >= MANY && (waiting.get(kind) ?? 0) <= 0),
  };
}

function kindOf({ type, lane, priority }: LanePlace): string {
  return `${type} ${lane} ${priority}`;
}
