// What an admin does with keys, each with its row in the audit.

import type { Pool } from 'pg';
import { uuidv7 } from 'uuidv7';
import { audited } from '../audit.ts';
import { hashOf, insertKey, type KeyRow, lockKey, makeKey, revokeKey, rotateKey } from './keys.ts';
import type { Role, Scopes } from './principal.ts';

export interface WantedKey {
  name: string;
  role: Role;
  scopes: Scopes | undefined;
  payloads: boolean;
  expiresInMs: number | undefined;
}

export interface ShownKey {
  row: KeyRow;
  /** The key itself, which nobody can be shown again. */
  key: string;
}

/** Undefined when a key of this name is there, or there are as many as there may be. */
export function createKey(pool: Pool, actor: string, wanted: WantedKey): Promise<ShownKey | undefined> {
  const { name, role, scopes, payloads, expiresInMs } = wanted;
  const key = makeKey();
  return audited(pool, actor, async (client, audit) => {
    const row = await insertKey(client, {
      ...{ id: uuidv7(), name, role, payloads, expiresInMs, hash: hashOf(key), createdBy: actor },
      ...{ types: scopes?.types, groups: scopes?.groups },
    });
    if (!row) return undefined;
    await audit({
      action: 'key.create',
      target: row.id,
      after: { name, role, scopes, payloads, expiresAt: row.expires_at },
    });
    return { row, key };
  });
}

/** Undefined when there is no such key. */
export function replaceKey(pool: Pool, actor: string, id: string, graceMs: number): Promise<ShownKey | undefined> {
  const key = makeKey();
  return audited(pool, actor, async (client, audit) => {
    if (!(await lockKey(client, id))) return undefined;
    const row = await rotateKey(client, id, hashOf(key), graceMs);
    await audit({ action: 'key.rotate', target: id, after: { name: row.name, previousUntil: row.previous_until } });
    return { row, key };
  });
}

/** Whether there was such a key. */
export function endKey(pool: Pool, actor: string, id: string): Promise<boolean> {
  return audited(pool, actor, async (client, audit) => {
    const row = await lockKey(client, id);
    if (!row) return false;
    await revokeKey(client, id, actor);
    await audit({ action: 'key.revoke', target: id, before: { name: row.name, role: row.role } });
    return true;
  });
}
