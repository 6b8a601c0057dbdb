// The rows of API keys. Only hashes are kept: a key itself is shown once, to who made it. What a key's text must look like
// is decided here too, so that a text that can't be one is never looked for.

import { createHash, randomBytes } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type { Role } from './principal.ts';

export interface KeyRow {
  id: string;
  name: string;
  role: Role;
  types: string[] | null;
  groups: string[] | null;
  payloads: boolean;
  created_at: Date;
  created_by: string;
  rotated_at: Date | null;
  last_used_at: Date | null;
  expires_at: Date | null;
  /** Until when the key before the last rotation is taken. */
  previous_until: Date | null;
  revoked_at: Date | null;
}

/** A key that is taken now, under one of its hashes. */
export interface LiveKey extends KeyRow {
  hash: Buffer;
  /** By Postgres's clock; null: for as long as it isn't revoked. */
  live_for_ms: number | null;
}

const KEY_BYTES = 32;
/** More keys than this are not made: every API process holds all of them. */
export const KEYS_MAX = 1_000;
const COLUMNS = `id, name, role, types, groups, payloads, created_at, created_by, rotated_at, last_used_at, expires_at,
  previous_until, revoked_at`;

/** The text of a new key. */
export function makeKey(): string {
  return `tem_${randomBytes(KEY_BYTES).toString('base64url')}`;
}

export function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Every key that is taken now; one that was rotated twice, under both of its hashes, while the older is still taken. */
export async function readLiveKeys(db: Pick<Pool, 'query'>): Promise<LiveKey[]> {
  const { rows } = await db.query<LiveKey>({
    name: 'keys-live',
    text: `
      select ${COLUMNS}, key_hash as hash,
        extract(epoch from expires_at - statement_timestamp())::float8 * 1000 as live_for_ms
      from tem.api_key where revoked_at is null and (expires_at is null or expires_at > statement_timestamp())
      union all
      select ${COLUMNS}, previous_key_hash,
        extract(epoch from least(previous_until, expires_at) - statement_timestamp())::float8 * 1000
      from tem.api_key where revoked_at is null and previous_until > statement_timestamp()
        and (expires_at is null or expires_at > statement_timestamp())`,
  });
  return rows;
}

/** Notes that these were used, once a minute at most. */
export async function markUsed(db: Pick<Pool, 'query'>, ids: readonly string[]): Promise<void> {
  await db.query(
    `update tem.api_key set last_used_at = clock_timestamp()
     where id = any($1) and (last_used_at is null or last_used_at < clock_timestamp() - interval '50 s')`,
    [ids],
  );
}

export interface NewKey {
  id: string;
  name: string;
  role: Role;
  types: readonly string[] | undefined;
  groups: readonly string[] | undefined;
  payloads: boolean;
  hash: Buffer;
  createdBy: string;
  expiresInMs: number | undefined;
}

/** Adds a key; undefined when one of this name is there, or there are too many. */
export async function insertKey(client: PoolClient, key: NewKey): Promise<KeyRow | undefined> {
  const { rows } = await client.query<KeyRow>(
    `insert into tem.api_key (id, name, role, types, groups, payloads, key_hash, created_by, expires_at)
     select $1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + $9::float8 * interval '1 ms'
     where (select count(*) from tem.api_key where revoked_at is null) < ${KEYS_MAX}
     on conflict (name) where revoked_at is null do nothing returning ${COLUMNS}`,
    [
      key.id,
      key.name,
      key.role,
      key.types ?? null,
      key.groups ?? null,
      key.payloads,
      key.hash,
      key.createdBy,
      key.expiresInMs ?? null,
    ],
  );
  return rows[0];
}

/** Locks a key that is not revoked. */
export async function lockKey(client: PoolClient, id: string): Promise<KeyRow | undefined> {
  const { rows } = await client.query<KeyRow>(
    `select ${COLUMNS} from tem.api_key where id = $1 and revoked_at is null for update`,
    [id],
  );
  return rows[0];
}

/** Ends it, and with it the sessions of who signed in by it. */
export async function revokeKey(client: PoolClient, id: string, actor: string): Promise<void> {
  await client.query(
    `update tem.api_key set revoked_at = clock_timestamp(), revoked_by = $2, previous_key_hash = null, previous_until = null
     where id = $1`,
    [id, actor],
  );
  await client.query('delete from tem.console_session where key_id = $1', [id]);
}

/** Another text for the same key; the one before is taken for `graceMs` more. */
export async function rotateKey(client: PoolClient, id: string, hash: Buffer, graceMs: number): Promise<KeyRow> {
  const { rows } = await client.query<KeyRow>(
    `update tem.api_key set previous_key_hash = case when $3 > 0 then key_hash end,
       previous_until = case when $3 > 0 then clock_timestamp() + $3::float8 * interval '1 ms' end,
       key_hash = $2, rotated_at = clock_timestamp()
     where id = $1 returning ${COLUMNS}`,
    [id, hash, graceMs],
  );
  return rows[0] as KeyRow;
}

/** Those that are not revoked, newest first. */
export async function listKeys(
  db: Pick<Pool, 'query'>,
  limit: number,
  before: string | undefined,
): Promise<{ rows: KeyRow[]; more: boolean }> {
  const { rows } = await db.query<KeyRow>(
    `select ${COLUMNS} from tem.api_key where revoked_at is null and ($2::uuid is null or id < $2)
     order by id desc limit $1`,
    [limit + 1, before ?? null],
  );
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}
