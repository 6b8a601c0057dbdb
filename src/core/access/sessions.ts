// Sessions of the console. They are rows, so that every API process knows them, and only hashes of their tokens are kept.
// One of a key may what the key may now and ends with it; all end when nobody comes for a while, and at a fixed time.

import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { uuidv7 } from 'uuidv7';
import type { KeyRing } from './key-ring.ts';
import { hashOf } from './keys.ts';
import { type KeyHolder, type Person, type Principal, SETTINGS_KEY_NAME } from './principal.ts';

export interface Session {
  principal: KeyHolder | Person;
  /** To be sent with every call that changes something: another site's page can't know it. */
  csrf: string;
}

export interface Sessions {
  open(principal: KeyHolder | Person): Promise<{ token: string; session: Session; endsInMs: number }>;
  /** Undefined when there is none of this token, or it has ended. Rejects when the ledger is away. */
  find(token: string): Promise<Session | undefined>;
  end(token: string): Promise<void>;
}

export interface SessionOptions {
  pool: Pool;
  keys: KeyRing;
  /** Of the admin key of the settings: the sessions of another one have ended. */
  settingsKey: { hash: Buffer; holder: KeyHolder } | undefined;
  /** Whether people sign in by accounts of their own; their sessions end with the setting. */
  people: boolean;
  /** A session that nobody used for so long has ended. */
  idleMs: number;
  /** The longest that one lasts. */
  endsAfterMs: number;
}

const TOKEN_BYTES = 32;
/** A session that was ended elsewhere is gone for this process no later than this. */
const KNOWN_FOR_MS = 500;
const KNOWN_MAX = 10_000;

interface Row {
  csrf: string;
  key_id: string | null;
  settings_key_hash: Buffer | null;
  person: Omit<Person, 'kind'> | null;
}

export function createSessions({ pool, keys, settingsKey, people, idleMs, endsAfterMs }: SessionOptions): Sessions {
  const known = new Map<string, { row: Promise<Row | undefined>; readAtMs: number }>();

  const read = (token: string): Promise<Row | undefined> => {
    const found = known.get(token);
    if (found && performance.now() - found.readAtMs < KNOWN_FOR_MS) return found.row;
    const row = readRow(pool, hashOf(token), idleMs);
    known.delete(token);
    known.set(token, { row, readAtMs: performance.now() });
    row.catch(() => known.delete(token));
    const oldest = known.size > KNOWN_MAX ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    return row;
  };

  const principalOf = async ({ key_id, settings_key_hash, person }: Row): Promise<KeyHolder | Person | undefined> => {
    if (person) return people ? { kind: 'person', ...person } : undefined;
    if (key_id !== null) return keys.byId(key_id);
    return settingsKey && settings_key_hash?.equals(settingsKey.hash) ? settingsKey.holder : undefined;
  };

  return {
    async open(principal) {
      const [token, csrf] = [randomBytes(TOKEN_BYTES), randomBytes(TOKEN_BYTES)].map((bytes) =>
        bytes.toString('base64url'),
      );
      const { kind, ...rights } = principal;
      await pool.query(INSERT, [
        uuidv7(),
        hashOf(token as string),
        csrf,
        principal.kind === 'key' ? (principal.id ?? null) : null,
        isSettingsKey(principal) ? settingsKey?.hash : null,
        kind === 'person' ? JSON.stringify(rights) : null,
        endsAfterMs,
      ]);
      return { token: token as string, session: { principal, csrf: csrf as string }, endsInMs: endsAfterMs };
    },
    async find(token) {
      const row = await read(token);
      const principal = row && (await principalOf(row));
      return principal && { principal, csrf: row.csrf };
    },
    async end(token) {
      known.delete(token);
      await pool.query('delete from tem.console_session where token_hash = $1', [hashOf(token)]);
    },
  };
}

export function isSettingsKey(principal: Principal): boolean {
  return principal.kind === 'key' && principal.id === undefined && principal.name === SETTINGS_KEY_NAME;
}

const INSERT = `
  insert into tem.console_session (id, token_hash, csrf_token, key_id, settings_key_hash, person, ends_at)
  values ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::float8 * interval '1 ms')`;

/** Using a session is noted once a minute at most. */
async function readRow(pool: Pool, hash: Buffer, idleMs: number): Promise<Row | undefined> {
  const { rows } = await pool.query<Row>({
    name: 'console-session',
    text: `
      with found as materialized (
        select id, csrf_token, key_id, settings_key_hash, person, seen_at from tem.console_session
        where token_hash = $1 and ends_at > clock_timestamp() and seen_at > clock_timestamp() - $2::float8 * interval '1 ms'
      ), seen as (
        update tem.console_session s set seen_at = clock_timestamp() from found f
        where s.id = f.id and f.seen_at < clock_timestamp() - interval '1 minute'
      )
      select csrf_token as csrf, key_id, settings_key_hash, person from found`,
    values: [hash, idleMs],
  });
  return rows[0];
}

/** Deletes a slice of those that have ended; resolves to how many. `idleMs` at the most that any process has. */
export async function pruneSessions(pool: Pool, idleMs: number, slice: number): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from tem.console_session where id in (
       select id from tem.console_session
       where ends_at < clock_timestamp() or seen_at < clock_timestamp() - $1::float8 * interval '1 ms' limit $2)`,
    [idleMs, slice],
  );
  return rowCount ?? 0;
}
