// Machines that were given no secrets make their own, and say that they differ.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { withKeys } from '../../src/services/keys.ts';
import { announceSecrets, secretsFindings } from '../../src/services/shared-secrets.ts';
import { createDatabase } from '../support/database.ts';
import { makeHome } from '../support/home.ts';

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  const announced = async (environment: Record<string, string>): Promise<string> => {
    let lines = '';
    const log = pino({}, { write: (line) => void (lines += line) });
    await announceSecrets(withKeys(readConfig({ DATABASE_URL: databaseUrl, ...environment })), log);
    return lines;
  };
  return { pool, announced };
}

test('a second machine with secrets of its own is warned, one that keeps the same is not', async () => {
  const { pool, announced } = await setup();
  const [first, second] = [{ TEM_HOME: await makeHome() }, { TEM_HOME: await makeHome() }];
  expect(await secretsFindings(pool, readConfig(first))).toEqual([]);
  expect(await announced(first)).toBe('');
  expect(await announced(first)).toBe('');
  expect(await secretsFindings(pool, readConfig(first))).toMatchObject([{ ok: true }]);

  expect(await announced(second)).toContain('give the same TEM_USER_TOKEN_SECRET and TEM_WEBHOOK_SECRET to every API');
  expect(await secretsFindings(pool, readConfig(first))).toMatchObject([
    { name: 'secrets', ok: false, detail: expect.stringContaining('TEM_WEBHOOK_SECRET') },
  ]);
});

test('a rotation, in which the old secret is still there, is no difference', async () => {
  const { announced } = await setup();
  const home = await makeHome();
  const secret = (text: string): string => `whsec_${Buffer.from(text.repeat(8)).toString('base64')}`;
  expect(await announced({ TEM_HOME: home, TEM_WEBHOOK_SECRET: secret('old ') })).toBe('');
  expect(await announced({ TEM_HOME: home, TEM_WEBHOOK_SECRET: `${secret('new ')} ${secret('old ')}` })).toBe('');
  expect(await announced({ TEM_HOME: home, TEM_WEBHOOK_SECRET: secret('new ') })).toBe('');
  expect(await announced({ TEM_HOME: home, TEM_WEBHOOK_SECRET: secret('odd ') })).toContain('TEM_WEBHOOK_SECRET');
});
