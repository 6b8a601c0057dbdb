// TEM with price checks for tests: one API here, workers as processes, and calls as a client makes them.

import pino from 'pino';
import { expect } from 'vitest';
import { startApi } from '../../../src/api/server.ts';
import { atEnd } from '../../support/at-end.ts';
import { createDatabase } from '../../support/database.ts';
import { ADMIN_KEY, testConfig, testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace, type TestTemporal } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by their documented names
export type Json = any;

export async function startSystem({
  workers = 1,
  settings = {},
  temporal: given,
}: {
  workers?: number;
  settings?: Record<string, string>;
  /** Instead of a namespace of the test run's. */
  temporal?: TestTemporal;
} = {}) {
  const [database, temporal] = await Promise.all([createDatabase(), given ?? createNamespace()]);
  const further = { TEM_OUTBOUND_ALLOW: '127.0.0.1', TEM_FEATURES: 'price,notifications', ...settings };
  const environment = testEnvironment(database, temporal, further);
  const { TEM_FEATURES: _, ...forApi } = further;
  const processes = Array.from({ length: workers }, () => startTem(['worker'], environment));
  const api = await startApi(testConfig(database, temporal, forApi), pino({ level: 'silent' }));
  atEnd(async () => {
    await Promise.all([api.stop(), ...processes.map((worker) => worker.stop())]);
  });
  await Promise.all(processes.map((worker) => worker.ready()));

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const isText = typeof body === 'string';
    const response = await fetch(`${api.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        ...(body !== undefined && !isText && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Json };
  }
  const ended = (event: string) =>
    waitFor(async () => {
      const { body } = await call('GET', `/v1/events/${event}`);
      return ['PROCESSED', 'EXTINCT', 'CANCELLED'].includes(body.state) ? (body as Json) : undefined;
    }, PATIENCE_MS);
  return {
    api,
    database,
    environment,
    processes,
    call,
    ended,
    /** Throws unless the call succeeds. */
    async ok(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Json> {
      const answer = await call(method, path, body, headers);
      expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
      return answer.body;
    },
    async check(product: string): Promise<Json> {
      const { status, body } = await call('POST', `/v1/price/products/${product}/check`);
      expect(status, JSON.stringify(body)).toBe(202);
      return ended(body.event);
    },
  };
}

/** A killed worker is missed after its heartbeats, and another has to start. */
const PATIENCE_MS = 90_000;

export const JSON_SHOP = {
  name: 'Shop',
  adapter: 'json',
  ratePerMinute: 600_000,
  maxInFlight: 200,
  settings: { price: '/price', currency: '/currency' },
};
