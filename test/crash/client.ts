// A client of the API as a careful application writes it: every event has a key, and whatever wasn't answered is sent
// again with the same key.

import { setTimeout as delay } from 'node:timers/promises';
import { ADMIN_KEY } from '../support/environment.ts';
import type { NewEvent } from './setup.ts';

export interface Answer {
  status: number;
  type: string;
  retryAfter: string | null;
  body: Record<string, unknown>;
  tookMs: number;
}

const AGAIN_AFTER_MS = 50;
const GIVE_UP_AFTER_MS = 30_000;

/** One POST. Rejects when the connection breaks. */
export async function post(url: string, event: NewEvent, path = '/v1/events'): Promise<Answer> {
  const { steps, compensation, filler, type, ...rest } = event;
  const startedAt = performance.now();
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      type: type ?? 'work',
      payload: { steps: steps ?? [{ do: 'write' }], compensation, filler },
      ...rest,
    }),
    signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
  });
  const body = (await response.json()) as Record<string, unknown>;
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    retryAfter: response.headers.get('retry-after'),
    body,
    tookMs: performance.now() - startedAt,
  };
}

/** Posts until it is accepted; resolves to every answer on the way, the accepting one last. */
export async function postUntilAccepted(
  url: string,
  event: NewEvent & { key: string },
  timeoutMs = 120_000,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const giveUpAt = performance.now() + timeoutMs; performance.now() < giveUpAt; await delay(AGAIN_AFTER_MS)) {
    const answer = await post(url, event).catch(() => undefined);
    if (answer) answers.push(answer);
    if (answer && answer.status < 300) return answers;
  }
  throw new Error(`${event.key} was not accepted; the last answers: ${JSON.stringify(answers.slice(-2))}`);
}

/** Calls `each` for every number below `count`, at most `atOnce` at a time. */
export async function spread<Value>(
  count: number,
  atOnce: number,
  each: (index: number) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      values[index] = await each(index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return values;
}

/** A GET or POST without a body, as an operator's. */
export async function call(url: string, method: 'GET' | 'POST', path: string): Promise<Answer> {
  const startedAt = performance.now();
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    retryAfter: response.headers.get('retry-after'),
    body: (await response.json()) as Record<string, unknown>,
    tookMs: performance.now() - startedAt,
  };
}
