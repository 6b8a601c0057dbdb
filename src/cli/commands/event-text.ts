// Events as text for a terminal: one a line in lists, a block for one.

import type { EventState } from '../../core/ledger/states.ts';

export interface EventAnswer {
  id: string;
  type: string;
  key: string;
  state: EventState;
  retryCount: number;
  maxAttempts: number;
  lastError: string | null;
  nextRetryAt: string | null;
  updatedAt: string;
  waiting?: { detail: string };
  [field: string]: unknown;
}

const ERROR_LENGTH_MAX = 100;
const STATE_WIDTH = 10;

/** One line: id, state, type, key, and what is wrong or awaited. */
export function eventLine(event: EventAnswer): string {
  const parts = [event.id, event.state.padEnd(STATE_WIDTH), event.type];
  if (event.key !== event.id) parts.push(plain(event.key));
  if (event.retryCount > 0) parts.push(`failed ${event.retryCount} of ${event.maxAttempts}`);
  if (event.nextRetryAt) parts.push(`again at ${event.nextRetryAt}`);
  if (event.waiting) parts.push(plain(event.waiting.detail));
  if (event.lastError && event.state !== 'PROCESSED') parts.push(plain(event.lastError).slice(0, ERROR_LENGTH_MAX));
  return parts.join('  ');
}

/** Every field on a line of its own. */
export function describeEvent(event: EventAnswer): string {
  const fields = Object.entries(event).filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields
    .map(
      ([name, value]) => `${name.padEnd(width)}  ${typeof value === 'string' ? plain(value) : JSON.stringify(value)}`,
    )
    .join('\n');
}

export function transitionLine(transition: {
  at: string | null;
  from: string | null;
  to: string;
  attempt: number | null;
  error: string | null;
  actor: string;
}): string {
  const { at, from, to, attempt, error, actor } = transition;
  const parts = [at ?? ''.padEnd(24), `${from ?? 'new'} -> ${to}`, `by ${plain(actor)}`];
  if (attempt !== null) parts.push(`attempt ${attempt}`);
  if (error) parts.push(plain(error).slice(0, ERROR_LENGTH_MAX));
  return parts.join('  ');
}

/** Text that others chose must not move the cursor or fake a line. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
