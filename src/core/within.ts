// Waiting for an answer no longer than one wants to.

/** The answer, or `late()` as the reason when it takes longer than `limitMs`. What is under way goes on. */
export async function within<Value>(limitMs: number, answer: Promise<Value>, late: () => Error): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
  });
  // Nobody may be there any more to hear that it failed.
  answer.catch(() => {});
  return Promise.race([answer, timeout]).finally(() => clearTimeout(timer));
}
