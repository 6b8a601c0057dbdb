// Data that stays fresh while somebody looks at it: one request in flight, none in a hidden tab or while paused, and after
// a failure the next one waits longer, each browser a little differently, so that nobody is overrun when an outage ends.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiProblem } from '../http/client.ts';
import { now } from './clock.ts';
import { createKept, useStore } from './store.ts';

export interface Live<Value> {
  value: Value | undefined;
  /** When `value` was true, by the database's clock; undefined before the first answer. */
  asOf: number | undefined;
  /** Why the last try failed; undefined when it went well. */
  problem: ApiProblem | undefined;
  /** Whether a request is under way. */
  busy: boolean;
  /** Asks again now. */
  refresh(): void;
}

/** Whether pages ask again by themselves. */
export const following = createKept<'on' | 'off'>('following', 'on', ['on', 'off']);

const EVERY_MS = 5_000;
const REST_MS_MAX = 60_000;

/**
 * `load` is called anew when `key` changes, and then every `everyMs` after the answer before. The value of an older key is
 * never shown under a newer one.
 */
export function useLive<Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  { everyMs = EVERY_MS }: { everyMs?: number | undefined } = {},
): Live<Value> {
  const isFollowing = useStore(following) === 'on';
  const [state, setState] = useState<Omit<Live<Value>, 'refresh'> & { key: string }>(() => nothing(key));
  const loadNow = useRef(load);
  loadNow.current = load;
  const wanted = useRef<() => void>(() => {});

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    let failures = 0;
    const ask = async (): Promise<void> => {
      if (busy || stop.signal.aborted) return;
      clearTimeout(timer);
      busy = true;
      setState((before) => (before.key === key ? { ...before, busy: true } : { ...nothing(key), busy: true }));
      try {
        const value = await loadNow.current(stop.signal);
        failures = 0;
        if (!stop.signal.aborted) setState({ key, value, asOf: now(), problem: undefined, busy: false });
      } catch (error) {
        failures++;
        if (!stop.signal.aborted) setState((before) => ({ ...before, problem: asProblem(error), busy: false }));
      }
      busy = false;
      plan();
    };
    const plan = (): void => {
      if (stop.signal.aborted || !isFollowing || document.hidden) return;
      const restMs = failures === 0 ? everyMs : Math.min(everyMs * 2 ** failures, REST_MS_MAX) * (0.5 + Math.random());
      timer = setTimeout(ask, restMs);
    };
    const seen = (): void => {
      clearTimeout(timer);
      // Who comes back to a page after an outage waits as everybody does.
      if (document.hidden || !isFollowing) return;
      if (failures === 0) void ask();
      else plan();
    };
    wanted.current = () => void ask();
    document.addEventListener('visibilitychange', seen);
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [key, everyMs, isFollowing]);

  const refresh = useCallback(() => wanted.current(), []);
  const current = state.key === key ? state : nothing<Value>(key);
  return { ...current, refresh };
}

function nothing<Value>(key: string): Omit<Live<Value>, 'refresh'> & { key: string } {
  return { key, value: undefined, asOf: undefined, problem: undefined, busy: true };
}

export function asProblem(error: unknown): ApiProblem {
  return error instanceof ApiProblem ? error : new ApiProblem(0, 'failed', (error as Error).message);
}
