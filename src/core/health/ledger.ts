// Whether a database can hold the ledger: reachable, migrated, writable, durable, with a clock that agrees, and LISTEN
// that works (a transaction pooler in between silently drops what is notified). Rule 15.

import { randomBytes } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { migrationState, newerMessage } from '../ledger/migrate.ts';
import { type Finding, summarize } from './finding.ts';

const CLOCK_SKEW_MAX_MS = 2_000;
const NOTIFICATION_WITHIN_MS = 2_000;
const POSTGRES_VERSION_MIN = 140_000;

/** All of `ledgerFindings` as one. */
export async function checkLedger(pool: Pool): Promise<Finding> {
  return summarize('database', await ledgerFindings(pool, Date.now));
}

/**
 * One finding for each thing that can be wrong; only the first one when the database can't be reached. `now` is this
 * machine's clock in Unix milliseconds.
 */
export async function ledgerFindings(pool: Pool, now: () => number): Promise<Finding[]> {
  const { host, database } = target(pool);
  let client: PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    return [{ name: 'database', ok: false, detail: `database ${database} on ${host}: ${connectProblem(error)}` }];
  }
  try {
    const settings = await readSettings(client, now);
    const old = settings.number < POSTGRES_VERSION_MIN;
    const reached = `Postgres ${settings.version}, database ${database} on ${host}`;
    return [
      { name: 'database', ok: !old, detail: old ? `${reached}: TEM needs 14 or later` : reached },
      await migrationsFinding(client),
      writableFinding(settings),
      durableFinding(settings),
      clockFinding(settings),
      await listenFinding(pool, client),
    ];
  } catch (error) {
    return [{ name: 'database', ok: false, detail: `database ${database} on ${host}: ${(error as Error).message}` }];
  } finally {
    client.release();
  }
}

interface Settings {
  version: string;
  number: number;
  standby: boolean;
  readOnly: boolean;
  fsync: string;
  fullPageWrites: string;
  synchronousCommit: string;
  skewMs: number;
}

async function readSettings(client: PoolClient, now: () => number): Promise<Settings> {
  const sentAtMs = now();
  const { rows } = await client.query<Omit<Settings, 'skewMs'> & { nowMs: number }>(`
    select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
      pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') = 'on' as "readOnly",
      current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
      (select coalesce(
        (select split_part(setting, '=', 2) from pg_db_role_setting, unnest(setconfig) setting
          where setting like 'synchronous_commit=%' and setdatabase in (0, d.oid) limit 1),
        (select reset_val from pg_settings where name = 'synchronous_commit')) from pg_database d
        where d.datname = current_database()) as "synchronousCommit",
      extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"`);
  const row = rows[0];
  if (!row) throw new Error('no answer to a question about the settings');
  const halfwayMs = (sentAtMs + now()) / 2;
  return { ...row, skewMs: row.nowMs - halfwayMs };
}

async function migrationsFinding(client: PoolClient): Promise<Finding> {
  const { applied, missing, newer } = await migrationState(client);
  if (newer.length > 0) return { name: 'migrations', ok: false, detail: newerMessage(newer) };
  if (missing.length > 0) {
    return {
      name: 'migrations',
      ok: false,
      detail: `migrations are missing (${missing.join(', ')}): run 'tem migrate'`,
    };
  }
  return { name: 'migrations', ok: true, detail: `up to date (${applied.at(-1)})` };
}

function writableFinding({ standby, readOnly }: Settings): Finding {
  if (standby)
    return {
      name: 'writable',
      ok: false,
      detail: 'the database is a read-only standby: point DATABASE_URL at the primary',
    };
  if (readOnly)
    return { name: 'writable', ok: false, detail: 'default_transaction_read_only is on: nothing can be written' };
  return { name: 'writable', ok: true, detail: 'takes writes' };
}

function durableFinding({ fsync, fullPageWrites, synchronousCommit }: Settings): Finding {
  const wrong = [
    ...(fsync === 'on' ? [] : ['fsync is off: a crash of the machine loses or breaks the whole database']),
    ...(fullPageWrites === 'on' ? [] : ['full_page_writes is off: a crash of the machine can break the database']),
    // TEM's own sessions turn it on; those that call tem.enqueue don't.
    ...(synchronousCommit === 'off'
      ? ['synchronous_commit is off: a crash loses events that tem.enqueue had committed']
      : []),
  ];
  return { name: 'durable', ok: wrong.length === 0, detail: wrong.join('; ') || 'fsync and synchronous_commit are on' };
}

function clockFinding({ skewMs }: Settings): Finding {
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  return Math.abs(skewMs) > CLOCK_SKEW_MAX_MS
    ? {
        name: 'clock',
        ok: false,
        detail: `the database's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's: set both by NTP`,
      }
    : { name: 'clock', ok: true, detail: `agrees with this machine's within ${seconds} s` };
}

async function listenFinding(pool: Pool, notifier: PoolClient): Promise<Finding> {
  const channel = `tem_check_${randomBytes(8).toString('hex')}`;
  const listener = await pool.connect();
  let timer: NodeJS.Timeout | undefined;
  let clean = false;
  try {
    const heard = new Promise<boolean>((resolve) => {
      listener.on('notification', (message) => message.channel === channel && resolve(true));
      timer = setTimeout(() => resolve(false), NOTIFICATION_WITHIN_MS);
    });
    await listener.query(`listen ${channel}`);
    await notifier.query(`notify ${channel}`);
    const ok = await heard;
    await listener.query(`unlisten ${channel}`);
    clean = ok;
    return ok
      ? { name: 'listen', ok, detail: 'notifications arrive' }
      : {
          name: 'listen',
          ok,
          detail:
            'notifications do not arrive: is there a transaction pooler (PgBouncer)? TEM needs session pooling or a direct connection',
        };
  } finally {
    clearTimeout(timer);
    listener.removeAllListeners('notification');
    listener.release(!clean);
  }
}

function target(pool: Pool): { host: string; database: string } {
  const url = pool.options.connectionString;
  if (!url || !URL.canParse(url)) return { host: 'unknown host', database: 'unknown' };
  const { hostname, port, pathname } = new URL(url);
  return {
    host: `${hostname || 'the local socket'}:${port || '5432'}`,
    database: decodeURIComponent(pathname.slice(1)) || 'by default',
  };
}

const CONNECT_PROBLEMS: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there: is Postgres running, is the port right?',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host can not be looked up',
  ETIMEDOUT: 'the host does not answer',
  '28P01': 'the password is wrong',
  '28000': 'this user may not connect (pg_hba.conf)',
  '3D000': 'there is no such database',
  '53300': 'it has no connection left',
  '57P03': 'it is starting up or stopping',
};

function connectProblem(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code = '', message } = first as Error & { code?: string };
  if (/unsupported startup parameter/.test(message)) {
    return `a pooler refuses TEM's session settings (${message}): connect without it, or in session mode with ignore_startup_parameters = options`;
  }
  return CONNECT_PROBLEMS[code] ?? message;
}
