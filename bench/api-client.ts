// Sending events to TEM's API from the bench's own process.

import { Pool } from 'undici';
import type { NewEvent } from './payloads.ts';
import { ADMIN_KEY } from './tem.ts';

const BATCH_EVENTS_MAX = 10_000;

export interface ApiClient {
  /** Sends one event and resolves to its id. Throws when it isn't accepted. */
  post(event: NewEvent): Promise<string>;
  /** Sends events in calls of at most `size`, one after the other. Throws unless all are accepted. */
  postBatches(events: readonly NewEvent[], size?: number): Promise<void>;
  close(): Promise<void>;
}

export function createApiClient(apiUrl: string): ApiClient {
  const pool = new Pool(apiUrl, { connections: 8 });
  const call = async (path: string, body: string): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const answer = await pool.request({ method: 'POST', path, headers, body });
    const text = await answer.body.text();
    if (answer.statusCode !== 202) throw new Error(`POST ${path} answered ${answer.statusCode}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as Record<string, unknown>;
  };
  return {
    async post(event) {
      return String((await call('/v1/events', JSON.stringify(event))).id);
    },
    async postBatches(events, size = BATCH_EVENTS_MAX) {
      for (let from = 0; from < events.length; from += size) {
        const batch = events.slice(from, from + size);
        const { accepted } = await call('/v1/events/batch', JSON.stringify({ events: batch }));
        if (accepted !== batch.length) throw new Error(`${accepted} of ${batch.length} events were accepted`);
      }
    },
    close: () => pool.close(),
  };
}
