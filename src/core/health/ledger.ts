// Whether a database can hold the ledger: reachable, migrated, writable, durable, with a clock that agrees, and LISTEN
// that works (a transaction pooler in between silently drops what is notified). Rule 15.

import { randomBytes } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { isTooOld, migrationState, newerMessage, POSTGRES_MAJOR_MIN } from '../ledger/migrate.ts';
import { SessionRefused, sessionConfig } from '../ledger/session.ts';
import { type Finding, summarize } from './finding.ts';

const CLOCK_SKEW_MAX_MS = 2_000;
const NOTIFICATION_WITHIN_MS = 2_000;
const PLAIN_SESSION_WITHIN_MS = 3_000;
const IN_BETWEEN = 'is there a pooler that changes them? Connect without it';

/**
 * One finding for each thing that can be wrong; only the first one when the database can't be reached. `now` is this
 * machine's clock in Unix milliseconds.
 */
export async function ledgerFindings(pool: Pool, now: () => number): Promise<Finding[]> {
  const quick = await quickLedgerFindings(pool, now);
  if (quick.length === 1) return quick;
  const slow = await slowLedgerFindings(pool).catch((error: unknown): Finding[] => [
    { name: 'listen', ok: false, detail: `could not be checked: ${connectProblem(error)}`, isWarning: true },
  ]);
  const all = [...quick, ...slow];
  const names = new Set(all.map(({ name }) => name));
  return [...names].map((name) =>
    summarize(
      name,
      all.filter((finding) => finding.name === name),
    ),
  );
}

/** Those of `ledgerFindings` that cost a few questions on a connection that is open. */
export async function quickLedgerFindings(pool: Pool, now: () => number): Promise<Finding[]> {
  const name = 'database';
  const { host, database } = target(pool);
  let client: PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    return [{ name, ok: false, detail: `database ${database} on ${host}: ${connectProblem(error)}` }];
  }
  let broken: Error | undefined;
  try {
    const settings = await readSettings(client, now);
    const old = isTooOld(settings.number);
    const reached = `Postgres ${settings.version}, database ${database} on ${host}`;
    return [
      { name, ok: !old, detail: old ? `${reached}: TEM needs ${POSTGRES_MAJOR_MIN} or later` : reached },
      await migrationsFinding(client),
      writableFinding(settings),
      durableFinding(settings),
      clockFinding(settings),
    ];
  } catch (error) {
    broken = error as Error;
    return [{ name, ok: false, detail: `database ${database} on ${host}: ${broken.message}` }];
  } finally {
    client.release(broken);
  }
}

/** Those that open connections, or wait for what may never come. Rejects when the pool gives no connection. */
export async function slowLedgerFindings(pool: Pool): Promise<Finding[]> {
  return [await otherSessionsFinding(pool), await listenFinding(pool)];
}

interface Settings {
  version: string;
  number: number;
  standby: boolean;
  readOnly: boolean;
  fsync: string;
  fullPageWrites: string;
  synchronousCommit: string;
  isolation: string;
  skewMs: number;
  /** The question's way takes time, so that the skew is known to this much only. */
  skewWithinMs: number;
}

async function readSettings(client: PoolClient, now: () => number): Promise<Settings> {
  const sentAtMs = now();
  const { rows } = await client.query<Omit<Settings, 'skewMs' | 'skewWithinMs'> & { nowMs: number }>(`
    select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
      pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') = 'on' as "readOnly",
      current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
      current_setting('synchronous_commit') as "synchronousCommit", current_setting('transaction_isolation') as isolation,
      extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"`);
  const row = rows[0];
  if (!row) throw new Error('no answer to a question about the settings');
  const skewWithinMs = (now() - sentAtMs) / 2;
  return { ...row, skewMs: row.nowMs - sentAtMs - skewWithinMs, skewWithinMs };
}

async function migrationsFinding(client: PoolClient): Promise<Finding> {
  const { applied, missing, newer } = await migrationState(client);
  // API and workers of the release before go on while a newer one is rolled out; only `tem migrate` and `tem up` refuse.
  if (newer.length > 0)
    return { name: 'migrations', ok: false, detail: newerMessage(newer), isWarning: missing.length === 0 };
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

/** Asked on a session of TEM's own: what it was told is not what something in between made of it. */
function durableFinding({ fsync, fullPageWrites, synchronousCommit, isolation }: Settings): Finding {
  const wrong = [
    ...(fsync === 'on' ? [] : ['fsync is off: a crash of the machine loses or breaks the whole database']),
    ...(fullPageWrites === 'on' ? [] : ['full_page_writes is off: a crash of the machine can break the database']),
    ...(synchronousCommit === 'on'
      ? []
      : [
          `synchronous_commit is ${synchronousCommit} in TEM's own sessions, which set it on: a crash of the server loses what was accepted in its last moment; ${IN_BETWEEN}`,
        ]),
    ...(isolation === 'read committed'
      ? []
      : [`TEM's own sessions run at isolation ${isolation}, though they set read committed; ${IN_BETWEEN}`]),
  ];
  return wrong.length === 0
    ? { name: 'durable', ok: true, detail: 'fsync, full_page_writes and synchronous_commit are on' }
    : { name: 'durable', ok: false, detail: wrong.join('; '), isWarning: true };
}

/** TEM's own sessions turn synchronous_commit on; those that call `tem.enqueue` get what server, database or role say. */
async function otherSessionsFinding(pool: Pool): Promise<Finding> {
  const { Client, ...config } = sessionConfig(pool.options.connectionString as string, 'tem plain session');
  const client = new Client({
    ...config,
    connectionTimeoutMillis: PLAIN_SESSION_WITHIN_MS,
    query_timeout: PLAIN_SESSION_WITHIN_MS,
  });
  const wrong = (detail: string): Finding => ({ name: 'durable', ok: false, detail, isWarning: true });
  try {
    await client.connect();
    const { rows } = await client.query<{ off: boolean }>(`
      select current_setting('synchronous_commit') = 'off' or exists (
        select from pg_db_role_setting s join pg_database d on s.setdatabase in (0, d.oid), unnest(s.setconfig) as setting
          where d.datname = current_database() and setting ~* '^synchronous_commit=(off|false|no|0)$') as off`);
    return rows[0]?.off
      ? wrong(
          "synchronous_commit is off for sessions other than TEM's own: a crash of the server loses what callers of tem.enqueue committed in its last moment",
        )
      : { name: 'durable', ok: true, detail: 'synchronous_commit is on' };
  } catch (error) {
    return wrong(
      `no session without TEM's settings could be opened to see synchronous_commit: ${connectProblem(error)}`,
    );
  } finally {
    await client.end().catch(() => {});
  }
}

function clockFinding({ skewMs, skewWithinMs }: Settings): Finding {
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  return Math.abs(skewMs) > CLOCK_SKEW_MAX_MS + skewWithinMs
    ? {
        name: 'clock',
        ok: false,
        detail: `the database's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's: set both by NTP`,
        isWarning: true,
      }
    : { name: 'clock', ok: true, detail: `agrees with this machine's within ${seconds} s` };
}

async function listenFinding(pool: Pool): Promise<Finding> {
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
    await pool.query(`notify ${channel}`);
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
          isWarning: true,
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
  if (first instanceof SessionRefused) return message;
  if (/unsupported startup parameter/.test(message)) {
    return `a pooler refuses the options that DATABASE_URL gives (${message}): take them out of it; TEM needs none`;
  }
  return CONNECT_PROBLEMS[code] ?? message;
}
