// What `import ... from 'tem'` gets, in a clone the sources and elsewhere what was built from them: the same files that
// the running process has loaded, so that a module's NotRetryable is TEM's own.
import { existsSync } from 'node:fs';

const sources = new URL('../src/index.ts', import.meta.url);
const built = new URL('../dist/index.js', import.meta.url);
export const { defineEventType, LedgerUnavailable, NotRetryable, RetryAfter, Type } = await import(
  existsSync(sources) ? sources.href : built.href
);
