// Whether the processes of one ledger sign and verify with the same secrets. Each notes a short hash of its own when it
// starts: on two machines that were given none, each would make its own, and one refuse what the other signs.

import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';

/** The secrets of a process by the setting's name; several while rotating. */
export type Secrets = Record<string, readonly string[]>;

type Noted = Record<string, string[]>;

// Enough to tell two secrets apart.
const HASH_LENGTH = 12;

/** Notes these secrets; resolves to the settings for which another process noted only other ones before. */
export async function noteSecrets(pool: Pool, secrets: Secrets): Promise<string[]> {
  const client = await pool.connect();
  let failed = false;
  try {
    await client.query('begin');
    const { noted, own } = await compare(client, secrets, 'for update');
    await client.query('update tem.ledger set secret_hashes = secret_hashes || $1::jsonb', [JSON.stringify(own)]);
    await client.query('commit');
    return differing(noted, own);
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    client.release(failed);
  }
}

/** The same without noting anything. */
export async function differingSecrets(pool: Pool, secrets: Secrets): Promise<string[]> {
  const { noted, own } = await compare(pool, secrets, '');
  return differing(noted, own);
}

/** What a person reads. */
export function differingSecretsMessage(names: string[]): string {
  return `another process of this ledger has other secrets: give the same ${names.join(' and ')} to every API and worker`;
}

async function compare(
  queryable: Pool | PoolClient,
  secrets: Secrets,
  lock: 'for update' | '',
): Promise<{ noted: Noted; own: Noted }> {
  const { rows } = await queryable.query<{ id: string; noted: Noted }>(
    `select id, secret_hashes as noted from tem.ledger ${lock}`,
  );
  const { id, noted } = rows[0] as { id: string; noted: Noted };
  // With the ledger's id, so that the hash says nothing about the same secret elsewhere.
  const hash = (secret: string): string =>
    createHash('sha256').update(`${id}:${secret}`).digest('hex').slice(0, HASH_LENGTH);
  return {
    noted,
    own: Object.fromEntries(Object.entries(secrets).map(([name, values]) => [name, values.map(hash)])),
  };
}

function differing(noted: Noted, own: Noted): string[] {
  return Object.entries(own)
    .filter(([name, hashes]) => noted[name] && !noted[name].some((hash) => hashes.includes(hash)))
    .map(([name]) => name);
}
