// How the places for ordinary attempts are shared: later attempts of a type whose target hangs must not hold all of them
// while other types' retries and compensations wait (rule 9).

import { shareLeft } from '../core/share.ts';

export interface Shares {
  /** Takes a place; undefined when the type has its share. The returned function gives it back. */
  take(type: string): (() => void) | undefined;
}

export function createShares(total: number): Shares {
  const held = new Map<string, number>();
  return {
    take(type) {
      const count = held.get(type) ?? 0;
      if (shareLeft(total, count) === 0) return undefined;
      held.set(type, count + 1);
      return () => {
        const now = held.get(type) ?? 1;
        if (now === 1) held.delete(type);
        else held.set(type, now - 1);
      };
    },
  };
}
