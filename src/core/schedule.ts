// Recurring work that code brings: a schedule of origin `code`. What people create lives in the ledger.

import type { Duration } from './duration.ts';

export interface CodeSchedule {
  /** Durable: the Temporal schedule's id. */
  id: string;
  /** Five fields; or `every`. */
  cron?: string;
  every?: Duration;
  /** An IANA name; UTC by default. */
  timeZone?: string;
  /** The event that a firing makes. */
  type: string;
  payload: unknown;
  overlap?: 'skip' | 'bufferOne' | 'bufferAll' | 'cancelOther' | 'terminateOther' | 'allowAll';
  catchupWindow?: Duration;
  jitter?: Duration;
  /** True for one that a person has to switch on. */
  paused?: boolean;
  note?: string;
}
