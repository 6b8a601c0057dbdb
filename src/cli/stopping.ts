// How a long-running command ends: by a signal, or because the process that started it is gone. A parent gives an IPC
// channel to its children, and the operating system closes that channel when the parent dies, however it dies.

/** Aborts when this process should stop. `onAgain` is called for each further signal: the person is impatient. */
export function stopSignal(onAgain: () => void = () => {}): AbortSignal {
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) onAgain();
    else stopping.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  if (process.channel) process.once('disconnect', () => stopping.abort());
  return stopping.signal;
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
