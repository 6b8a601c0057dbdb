// What `import ... from 'tem'` gets: the files that the running process has loaded, so that a module's NotRetryable is
// TEM's own; `tem` leaves them under this symbol. Elsewhere, such as in a test of a module, what was built. Without a
// top-level await, so that CommonJS modules can require it.
import { createRequire } from 'node:module';

const loaded = globalThis[Symbol.for('tem')] ?? createRequire(import.meta.url)('../dist/index.js');
export const { defineEventType, defineSchedule, KeyConflict, LedgerUnavailable, NotRetryable, RetryAfter, Type } =
  loaded;
