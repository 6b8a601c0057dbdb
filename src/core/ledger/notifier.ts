// NOTIFY for what has been committed already: items of all events that commit within 10 ms go out as one notification,
// because each transaction that notifies takes a database-wide lock at its commit (rule 11). A crash in between loses
// the hint, never the row: listeners poll too.

import type { Pool } from 'pg';

const MERGE_MS = 10;
// Postgres refuses payloads of 8,000 bytes and more.
const PAYLOAD_BYTES_MAX = 7_900;

export interface Notifier {
  /** Adds an item; the payload that listeners get is items joined by newlines. */
  send(channel: string, item: string): void;
}

export function createNotifier(pool: Pool): Notifier {
  const pending = new Map<string, string[]>();
  let scheduled = false;

  const flush = (): void => {
    scheduled = false;
    const channels: string[] = [];
    const payloads: string[] = [];
    for (const [channel, items] of pending) {
      for (const payload of merge([...new Set(items)])) {
        channels.push(channel);
        payloads.push(payload);
      }
    }
    pending.clear();
    pool
      .query('select pg_notify(c, p) from unnest($1::text[], $2::text[]) as n(c, p)', [channels, payloads])
      .catch(() => {});
  };

  return {
    send(channel, item) {
      const items = pending.get(channel);
      if (items) items.push(item);
      else pending.set(channel, [item]);
      if (scheduled) return;
      scheduled = true;
      setTimeout(flush, MERGE_MS);
    },
  };
}

function merge(items: string[]): string[] {
  const payloads: string[] = [];
  let current = '';
  for (const item of items) {
    if (current !== '' && Buffer.byteLength(current) + 1 + Buffer.byteLength(item) > PAYLOAD_BYTES_MAX) {
      payloads.push(current);
      current = '';
    }
    current = current === '' ? item : `${current}\n${item}`;
  }
  return [...payloads, current];
}
