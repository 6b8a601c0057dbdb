// How something scarce is shared (rule 9): slots for runs, places at targets, places for later attempts, and what one claim
// takes. Pure: who holds what is counted where it is held.

/**
 * How many more one may take of `total` when it holds `own` and all others together `others`: up to half of what the others
 * leave, so that one never holds everything while another waits; the half of an odd number is the larger one.
 */
export function shareLeft(total: number, own: number, others = 0): number {
  const left = total - others;
  return Math.max(0, Math.min(Math.ceil(left / 2), left) - own);
}

/** What each of `count` gets of `total`, evenly and whole; at least one. */
export function evenShare(total: number, count: number): number {
  return Math.max(1, Math.floor(total / Math.max(1, count)));
}
