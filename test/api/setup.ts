// The API over a ledger of its own, called through `inject`: real routes, real Postgres, no socket.

import type { InjectOptions } from 'fastify';
import { pino } from 'pino';
import { Type } from 'typebox';
import { afterAll, onTestFinished } from 'vitest';
import type { Api } from '../../src/api/api.ts';
import { type ApiDependencies, buildApp } from '../../src/api/app.ts';
import { readConfig } from '../../src/config.ts';
import { defineEventType } from '../../src/core/event-type.ts';
import { createEventTypes } from '../../src/core/event-types.ts';
import { createPool } from '../../src/core/ledger/pool.ts';
import { createOutbound } from '../../src/core/outbound/index.ts';
import type { Environment } from '../../src/settings.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { ADMIN_KEY, USER_TOKEN_SECRET } from '../support/environment.ts';
import { unreachableTemporal } from '../support/temporal.ts';

export const note = defineEventType({
  name: 'note',
  payload: Type.Object(
    {
      user: Type.String({ minLength: 1 }),
      text: Type.Optional(Type.String()),
      pin: Type.Optional(Type.String({ secret: true })),
    },
    { additionalProperties: false },
  ),
  retry: { maxAttempts: 7 },
  refuse: ({ user }) => (user === 'nobody' ? { path: '/user', message: 'is nobody' } : undefined),
  handle: () => null,
});
export const anything = defineEventType({ name: 'anything', payload: Type.Unknown(), handle: () => null });
export const discreet = defineEventType({
  name: 'discreet',
  payload: Type.Unknown(),
  keyPrivate: true,
  handle: () => null,
});

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

export interface ApiUnderTest {
  app: Api;
  database: TestDatabase;
  call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** Sends the bytes as they are. */
  send(url: string, body: string | Buffer, headers?: Record<string, string>): Promise<Answer>;
}

/** Lives as long as the test; made outside of a test, as long as the file. */
export async function setup(
  given: { databaseUrl?: string; environment?: Environment; dependencies?: Partial<ApiDependencies> } = {},
): Promise<ApiUnderTest> {
  const database = await createDatabase();
  const databaseUrl = given.databaseUrl ?? database.databaseUrl;
  const pool = createPool(databaseUrl, { max: 6, applicationName: 'tem api test' });
  const acceptPool = createPool(databaseUrl, {
    max: 5,
    applicationName: 'tem accept test',
    connectionTimeoutMs: 1_500,
  });
  const outbound = createOutbound({ allow: [] });
  const app = await buildApp({
    config: readConfig({
      DATABASE_URL: databaseUrl,
      TEM_ADMIN_KEY: ADMIN_KEY,
      TEM_USER_TOKEN_SECRET: USER_TOKEN_SECRET,
      ...given.environment,
    }),
    pool,
    acceptPool,
    watchPool: pool,
    databaseUrl,
    log: pino({ level: 'silent' }),
    eventTypes: createEventTypes([note, anything, discreet]),
    features: [],
    outbound,
    checkTemporal: async () => {},
    temporal: unreachableTemporal(),
    version: '0.0.0',
    ...given.dependencies,
  });
  atEnd(async () => {
    await app.close();
    await Promise.all([pool.end(), acceptPool.end(), outbound.close()]);
  });

  const inject = async (options: InjectOptions): Promise<Answer> => {
    const answer = await app.inject(options);
    const isJson = String(answer.headers['content-type']).includes('json');
    return { status: answer.statusCode, headers: answer.headers, body: isJson ? answer.json() : answer.body };
  };
  const authorization = `Bearer ${ADMIN_KEY}`;
  return {
    app,
    database,
    call: (method, url, body, headers = {}) =>
      inject({
        method,
        url,
        headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { payload: JSON.stringify(body) }),
      }),
    send: (url, body, headers = {}) =>
      inject({
        method: 'POST',
        url,
        headers: { authorization, 'content-type': 'application/json', ...headers },
        payload: body,
      }),
  };
}

/** Registers a worker in the ledger, as a live process would have. */
export async function registerLiveWorker(database: TestDatabase, types: string[], leaseSeconds = 60): Promise<void> {
  await database.pool.query(
    `insert into tem.worker (id, lease_until, host, pid, task_queue, types)
     values (gen_random_uuid(), now() + $1 * interval '1 s', 'test', 1, 'test', $2)`,
    [leaseSeconds, types],
  );
}

function atEnd(run: () => Promise<void>): void {
  try {
    onTestFinished(run);
  } catch {
    // Not inside of a test.
    afterAll(run);
  }
}
