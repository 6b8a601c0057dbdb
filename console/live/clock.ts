// The database's clock, which every time on a page comes from: this machine's may be wrong by hours.

import { createStore } from './store.ts';

let aheadMs = 0;

/** `at`: the database's time in an answer that just arrived. */
export function setClock(at: string): void {
  const ms = Date.parse(at);
  if (Number.isFinite(ms)) aheadMs = ms - Date.now();
}

/** In ms since 1970. */
export function now(): number {
  return Date.now() + aheadMs;
}

/** Changes each second while somebody sees the page, so that ages grow. */
export const seconds = createStore(0);
const SECOND_MS = 1_000;
setInterval(() => {
  if (!document.hidden) seconds.set(seconds.get() + 1);
}, SECOND_MS);
