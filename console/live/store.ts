// A value that several parts of the page look at and that some of them change.

import { useEffect, useState } from 'preact/hooks';

export interface Store<Value> {
  get(): Value;
  set(value: Value): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<Value>(initial: Value): Store<Value> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A store whose value this browser remembers; what can't be kept is forgotten with the page. */
export function createKept<Value extends string>(
  name: string,
  initial: Value,
  allowed: readonly Value[],
): Store<Value> {
  const key = `tem.${name}`;
  const kept = attempt(() => localStorage.getItem(key)) as Value | null | undefined;
  const store = createStore(kept && allowed.includes(kept) ? kept : initial);
  return {
    ...store,
    set(value) {
      attempt(() => localStorage.setItem(key, value));
      store.set(value);
    },
  };
}

function attempt<Result>(run: () => Result): Result | undefined {
  try {
    return run();
  } catch {
    // Storage may be turned off.
    return undefined;
  }
}

export function useStore<Value>(store: Store<Value>): Value {
  const [, again] = useState({});
  useEffect(() => store.subscribe(() => again({})), [store]);
  return store.get();
}
