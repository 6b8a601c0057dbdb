// A role that may have so many connections to a test's database, so that a test can take all of them.

import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { TestDatabase } from './database.ts';

/** Resolves to the database's URL for that role, which is gone when the test has ended. */
export async function limitedRole({ databaseUrl, pool }: TestDatabase, connections: number): Promise<string> {
  const url = new URL(databaseUrl);
  const role = `limited_${randomBytes(4).toString('hex')}`;
  await pool.query(
    `create role ${role} login password 'limited' connection limit ${connections} in role "${url.username}"`,
  );
  onTestFinished(async () => {
    await pool.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);
    await pool.query(`drop role ${role}`);
  });
  return Object.assign(url, { username: role, password: 'limited' }).href;
}
