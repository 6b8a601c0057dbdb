// The environment of a TEM under test: for real processes (startTem) and for code that takes a Config alike.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, readConfig } from '../../src/config.ts';
import type { TestDatabase } from './database.ts';
import type { TestTemporal } from './temporal.ts';

export const ADMIN_KEY = 'admin-key-of-the-tests';
export const USER_TOKEN_SECRET = 'user-token-secret-of-the-tests-0123456789';
export const WEBHOOK_SECRET = `whsec_${Buffer.from('webhook-secret-of-the-tests').toString('base64')}`;

/** Everything set, so that nothing embedded starts and nothing is kept in a home; any free port for the API. */
export function testEnvironment(
  database: Pick<TestDatabase, 'databaseUrl'>,
  temporal: Pick<TestTemporal, 'address' | 'namespace'>,
  further: Record<string, string> = {},
): Record<string, string> {
  return {
    DATABASE_URL: database.databaseUrl,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    TEM_HOME: join(tmpdir(), 'tem-test-without-home'),
    TEM_ADMIN_KEY: ADMIN_KEY,
    TEM_USER_TOKEN_SECRET: USER_TOKEN_SECRET,
    TEM_WEBHOOK_SECRET: WEBHOOK_SECRET,
    TEM_PORT: '0',
    TEM_LOG_LEVEL: 'warn',
    ...further,
  };
}

/** The same as a Config. */
export function testConfig(
  database: Pick<TestDatabase, 'databaseUrl'>,
  temporal: Pick<TestTemporal, 'address' | 'namespace'>,
  further: Record<string, string> = {},
): Config {
  return readConfig(testEnvironment(database, temporal, further));
}
