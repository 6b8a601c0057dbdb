// What a person sees of a step that takes longer than two seconds: the step, how long it has taken, what it waits for.

const PROGRESS_EVERY_MS = 2_000;

/** Prints one line for a person. */
export type Say = (line: string) => void;

/** Runs a step; every two seconds says its name, the time elapsed and what it waits for just then. */
export async function withProgress<Result>(
  say: Say,
  step: string,
  waitsFor: () => string,
  run: () => Promise<Result>,
): Promise<Result> {
  const startedAtMs = performance.now();
  const timer = setInterval(() => {
    say(`${step}: ${Math.round((performance.now() - startedAtMs) / 1_000)} s, ${waitsFor()}`);
  }, PROGRESS_EVERY_MS);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}
