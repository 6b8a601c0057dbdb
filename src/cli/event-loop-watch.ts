// A process whose event loop never turns again, because a handler loops for ever or a pattern backtracks without end,
// renews no lease, answers nobody and hears no signal: only its end helps, and whoever started it starts it again. What
// blocked it is then what killed its worker, and ends EXTINCT as such (docs/promises.md, rule 6).

import { url as inspectorUrl } from 'node:inspector';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';

/** Loading what runs here may take longer than a call may. */
const START_LIMIT_MIN_MS = 30_000;
const TICKS = 10;
const TICK_MAX_MS = 1_000;
const INIT = 1;
/** The debugger tells it every script with its source map. */
const THREAD_MB_MAX = 128;

/**
 * Ends this process by SIGKILL when its event loop has been blocked for `limitMs`, after a line in the log with the
 * stack; not while its inspector is open, and not as process 1. `name` is that of the log. Until `started` is called it
 * may be blocked for 30 s, or for `limitMs` where that is more.
 */
export function watchEventLoop(name: string, limitMs: number, log: Logger): { started(): void } {
  if (process.pid === INIT) {
    // The kernel lets nobody in its container end it, not even itself.
    log.warn('as process 1 this can not end itself when its event loop is blocked: give its container an init');
    return { started() {} };
  }
  const shared = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
  const state = new Int32Array(shared);
  Atomics.store(state, 2, Math.max(limitMs, START_LIMIT_MIN_MS));
  const tickMs = Math.min(limitMs / TICKS, TICK_MAX_MS);
  const turn = (): void => {
    Atomics.add(state, 0, 1);
    Atomics.store(state, 1, inspectorUrl() === undefined ? 0 : 1);
  };
  turn();
  setInterval(turn, tickMs).unref();
  const thread = new Worker(new URL('./event-loop-thread.cjs', import.meta.url), {
    name: 'event-loop-watch',
    workerData: { name, tickMs, shared },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: THREAD_MB_MAX },
  });
  thread.on('error', (error) => log.error({ err: error }, 'nobody watches the event loop any more'));
  thread.unref();
  return { started: () => void Atomics.store(state, 2, limitMs) };
}
