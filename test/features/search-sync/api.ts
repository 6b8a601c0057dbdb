// The API with search sync alone, called without a network.

import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { buildApp } from '../../../src/api/app.ts';
import { readConfig } from '../../../src/config.ts';
import { createEventTypes } from '../../../src/core/event-types.ts';
import { createOutbound } from '../../../src/core/outbound/index.ts';
import { searchSync } from '../../../src/features/search-sync/index.ts';
import { ADMIN_KEY } from '../../support/environment.ts';
import { unreachableTemporal } from '../../support/temporal.ts';
import type { Scene } from './setup.ts';

export async function openApi(scene: Scene, environment: Record<string, string> = {}) {
  const log = pino({ level: 'silent' });
  const outbound = createOutbound({ allow: [] });
  const app = await buildApp({
    config: readConfig({
      DATABASE_URL: scene.databaseUrl,
      TEM_ADMIN_KEY: ADMIN_KEY,
      TEM_USER_TOKEN_SECRET: 'a-secret-for-user-tokens-0123456789',
      TEM_SEARCH_URL: scene.url,
      ...environment,
    }),
    pool: scene.pool,
    acceptPool: scene.pool,
    watchPool: scene.pool,
    databaseUrl: scene.databaseUrl,
    log,
    features: [searchSync],
    outbound,
    version: '0.0.0',
    checkTemporal: async () => {},
    temporal: unreachableTemporal(),
    eventTypes: createEventTypes([]),
  });
  onTestFinished(async () => {
    await app.close();
    await outbound.close();
  });
  return async (
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    body?: object,
    key: string | null = ADMIN_KEY,
  ) => {
    const answer = await app.inject({
      method,
      url,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { payload: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, body: answer.json() };
  };
}
