// Cleaning up when the test has ended, or for what was made outside of a test, the file.

import { afterAll, onTestFinished } from 'vitest';

export function atEnd(run: () => void | Promise<void>): void {
  try {
    onTestFinished(run);
  } catch {
    // Not inside of a test.
    afterAll(run);
  }
}
