// How much time the database spent on what is shown: since this page was opened, from the answers' own figures.

import { createStore, useStore } from '../live/store.ts';
import { general } from '../words/general.ts';
import { numberText, useWords } from '../words/words.ts';

const spent = createStore({ ms: 0, calls: 0 });

export function databaseTook(ms: number): void {
  const before = spent.get();
  spent.set({ ms: before.ms + ms, calls: before.calls + 1 });
}

export function forgetDatabaseTime(): void {
  spent.set({ ms: 0, calls: 0 });
}

export function DatabaseTime() {
  const words = useWords(general);
  const { ms, calls } = useStore(spent);
  return <p class="database-time">{words.database(numberText(ms, { maximumFractionDigits: 1 }), calls)}</p>;
}
