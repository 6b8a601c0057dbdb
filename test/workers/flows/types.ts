// An event type whose attempts say over HTTP that they begin and end, for tests that count them from outside.

import { defineEventType, Type } from 'tem';

const Call = Type.Object({
  url: Type.String(),
  holdMs: Type.Optional(Type.Integer()),
  /** So many attempts fail first. */
  fails: Type.Optional(Type.Integer()),
});

const definition = {
  payload: Call,
  retry: { maxAttempts: 5, base: '100ms', cap: '200ms' },
  async handle(
    { payload, attempt, group }: { payload: Type.Static<typeof Call>; attempt: number; group: string | null },
    { signal }: { signal: AbortSignal },
  ): Promise<void> {
    const query = new URLSearchParams({ group: group ?? '', holdMs: String(payload.holdMs ?? 0) });
    await fetch(`${payload.url}?${query}`, { signal });
    if (attempt <= (payload.fails ?? 0)) throw new Error('fails as it was told to');
  },
} as const;

export const call = defineEventType({ name: 'call', ...definition });
export const flood = defineEventType({ name: 'flood', batch: 50, ...definition });
