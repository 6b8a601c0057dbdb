// Who waits for one type and group, first come first served.

import { instantsOf, type Rate } from './rules.ts';
import type { Leave, Stay } from './stays.ts';

export interface Waiter extends Stay {
  cost: number;
  claimed: boolean;
  go(leave: Leave): void;
}

export interface Line {
  type: string;
  group: string;
  waiters: Waiter[];
}

/** Those at the head of a line, whose wants are counted: more than a reservation ever gives. */
const COUNTED_MAX = 1_000;

/** How many instants those who wait would take. */
export function instantsWanted({ waiters }: Line, rate: Rate): number {
  let wanted = 0;
  const counted = Math.min(waiters.length, COUNTED_MAX);
  for (let n = 0; n < counted; n += 1) wanted += instantsOf(waiters[n]?.cost ?? 1, rate).count;
  return wanted;
}
