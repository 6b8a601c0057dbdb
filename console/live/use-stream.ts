// Data that the server sends by itself while somebody looks at it. The stream is closed in a hidden tab and while following
// is off; one that is lost is opened again after a while that grows and differs from browser to browser.

import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiProblem } from '../http/client.ts';
import { apiUrl } from '../http/place.ts';
import { type Json, readJson } from '../http/raw-json.ts';
import { now, setClock } from './clock.ts';
import { useStore } from './store.ts';
import { following, type Live } from './use-live.ts';

const REST_MS = 3_000;
const REST_MS_MAX = 60_000;
/** Without anything new for so long, what is shown is old. */
const SILENT_MS_MAX = 20_000;
const LOST = new ApiProblem(0, 'unreachable', '');

/**
 * What comes on `path`: objects with the ledger's time in `at`. `check` finds out why a stream was refused, such as a session
 * that has ended.
 */
export function useStream<Value extends { at: string }>(path: string, check: () => Promise<unknown>): Live<Value> {
  const isFollowing = useStore(following) === 'on';
  const [state, setState] = useState<Omit<Live<Value>, 'refresh'>>({
    value: undefined,
    asOf: undefined,
    problem: undefined,
    busy: true,
  });
  const reopen = useRef<() => void>(() => {});

  useEffect(() => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let silence: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const close = (): void => {
      source?.close();
      source = undefined;
      clearTimeout(timer);
      clearTimeout(silence);
    };
    const lost = (): void => setState((before) => ({ ...before, problem: LOST, busy: false }));
    const open = (once: boolean): void => {
      close();
      silence = setTimeout(lost, SILENT_MS_MAX);
      source = new EventSource(apiUrl(path));
      source.onmessage = ({ data }) => {
        failures = 0;
        const value = readJson(String(data)) as Json & Value;
        setClock(value.at);
        setState({ value, asOf: now(), problem: undefined, busy: false });
        clearTimeout(silence);
        if (once) close();
        else silence = setTimeout(lost, SILENT_MS_MAX);
      };
      source.onerror = () => {
        // The browser opens it again by itself, unless it was refused.
        if (source?.readyState !== EventSource.CLOSED) return;
        failures++;
        lost();
        void check().catch(() => {});
        const restMs = Math.min(REST_MS * 2 ** failures, REST_MS_MAX) * (0.5 + Math.random());
        timer = setTimeout(() => open(once), restMs);
      };
    };
    const seen = (): void => {
      if (document.hidden || !isFollowing) close();
      else open(false);
    };
    reopen.current = () => open(!isFollowing);
    document.addEventListener('visibilitychange', seen);
    open(!isFollowing);
    return () => {
      document.removeEventListener('visibilitychange', seen);
      close();
    };
  }, [path, isFollowing]);

  return { ...state, refresh: () => reopen.current() };
}
