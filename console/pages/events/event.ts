// An event as GET /v1/events answers it, and the filters that find some.

import type { Json } from '../../http/raw-json.ts';
import type { State } from '../overview/stats.ts';

export interface EventJson {
  id: string;
  type: string;
  key: string | null;
  payload: Json;
  priority: number;
  group: string | null;
  runAt: string | null;
  expiresAt: string | null;
  state: State;
  retryCount: number;
  maxAttempts: number;
  lastError: string | null;
  nextRetryAt: string | null;
  lockedAt: string | null;
  result: Json;
  workflowId: string;
  createdAt: string | null;
  updatedAt: string | null;
  processedAt: string | null;
  source: string;
  cancelRequested: boolean;
  compensating: boolean;
  compensationError: string | null;
  crashCount: number;
  pruned: boolean;
  traceId?: string;
  waiting?: { reason: string; until?: string; detail: string };
  /** What people edited away, newest first. */
  previousPayloads?: readonly { payload: Json; replacedAt: string; actor: string }[];
}

export interface EventPage {
  events: EventJson[];
  nextCursor: string | null;
}

/** What finds events, by its name in addresses and in the API alike. */
export const FILTERS = [
  'state',
  'type',
  'group',
  'key',
  'q',
  'payload',
  'fingerprint',
  'retrying',
  'from',
  'to',
] as const;
export type EventFilter = Partial<Record<(typeof FILTERS)[number], string>>;

/** The filter that the address holds. */
export function filterOf(query: Readonly<Record<string, string>>): EventFilter {
  return Object.fromEntries(FILTERS.flatMap((name) => (query[name] ? [[name, query[name]]] : [])));
}

/** The same as a redrive takes it. */
export function asBody({ retrying, ...filter }: EventFilter): Record<string, unknown> {
  return { ...filter, ...(retrying !== undefined && { retrying: retrying === 'true' }) };
}

/** `state: EXTINCT, type: order`, for a person who is to confirm it. */
export function filterText(filter: Readonly<Record<string, unknown>>): string {
  return Object.entries(filter)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(', ');
}
