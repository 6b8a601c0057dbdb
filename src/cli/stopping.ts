// How a long-running command ends: by a signal, or because the process that started it is gone. A parent gives an IPC
// channel to its children, and the operating system closes that channel when the parent dies, however it dies.

// A terminal signals everything in it and npm hands its own copy on: one Ctrl-C may arrive several times.
const SAME_SIGNAL_WITHIN_MS = 1_000;

/** Aborts when this process should stop. `onAgain` is called for a later signal: the person is impatient. */
export function stopSignal(onAgain: () => void = () => {}): AbortSignal {
  return listen(onAgain).signal;
}

/**
 * The same for a program that must not end before it has stopped what it runs: it stops in good order also when nobody
 * reads its output any more, such as a closed terminal or a `tee` that Ctrl-C has ended first.
 */
export function serviceStopSignal(onAgain: () => void = () => {}): AbortSignal {
  const stopping = listen(onAgain);
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error');
    stream.on('error', () => stopping.abort());
  }
  return stopping.signal;
}

function listen(onAgain: () => void): AbortController {
  const stopping = new AbortController();
  let firstAtMs = 0;
  const stop = (): void => {
    if (!stopping.signal.aborted) {
      firstAtMs = performance.now();
      stopping.abort();
    } else if (performance.now() - firstAtMs > SAME_SIGNAL_WITHIN_MS) onAgain();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  if (process.channel) process.once('disconnect', () => stopping.abort());
  return stopping;
}

/** Resolves when the signal has aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Tells the parent, when there is one, that this process is ready. */
export function tellReady(details: Record<string, unknown>): void {
  if (process.connected) process.send?.({ ready: true, ...details });
}
