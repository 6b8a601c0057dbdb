// An event type as GET /v1/event-types answers it.

import type { Digits } from '../../http/raw-json.ts';

export type Retry = { maxAttempts: number; base: string; cap: string; jitter: number | Digits };

/** What people may set. */
export type Override = {
  retry?: Partial<Retry>;
  timeout?: string;
  priority?: number;
  batch?: number | null;
};

export interface EventType {
  name: string;
  retry: Retry | null;
  timeout: string | null;
  priority: number | null;
  batch: number | null;
  workers: number;
  override: Override | null;
}
