// Whether events would be accepted and run right now, and in words what is missing if not. The answer is kept for a
// second, so that a load balancer's probes cost next to nothing.

import type { Pool } from 'pg';
import { migrationState } from '../core/ledger/migrate.ts';

export type Missing = 'database' | 'migrations' | 'temporal' | 'worker';

export interface Readiness {
  missing: Missing[];
  /** One sentence for each. */
  details: Partial<Record<Missing, string>>;
  /** What works and yet endangers the promise. */
  warnings: string[];
}

export interface ReadinessReader {
  read(): Promise<Readiness>;
}

const FRESH_FOR_MS = 1_000;
const CHECK_TIMEOUT_MS = 2_000;
const CLOCK_SKEW_MAX_MS = 2_000;

/** `checkTemporal` rejects with a message for a person when Temporal or its namespace can't be used. */
export function createReadiness(pool: Pool, checkTemporal: () => Promise<void>): ReadinessReader {
  let kept: Readiness | undefined;
  let keptUntil = 0;
  let reading: Promise<Readiness> | undefined;
  const read = async (): Promise<Readiness> => {
    const parts = await Promise.all([readLedger(pool), readTemporal(checkTemporal)]);
    kept = {
      missing: parts.flatMap((part) => part.missing),
      details: Object.assign({}, ...parts.map((part) => part.details)),
      warnings: parts.flatMap((part) => part.warnings),
    };
    keptUntil = performance.now() + FRESH_FOR_MS;
    return kept;
  };
  return {
    async read() {
      if (kept && performance.now() < keptUntil) return kept;
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}

async function readTemporal(checkTemporal: () => Promise<void>): Promise<Readiness> {
  try {
    await within(checkTemporal());
    return { missing: [], details: {}, warnings: [] };
  } catch (error) {
    return { missing: ['temporal'], details: { temporal: (error as Error).message }, warnings: [] };
  }
}

async function readLedger(pool: Pool): Promise<Readiness> {
  const startedMs = Date.now();
  try {
    const { rows } = await within(pool.query(SETTINGS));
    const elapsedMs = Date.now() - startedMs;
    const [settings] = rows;
    if (settings.standby || settings.readOnly) {
      return { missing: ['database'], details: { database: 'the database is read-only (a standby?)' }, warnings: [] };
    }
    const { missing, newer } = await within(migrationState(pool));
    if (missing.length > 0) {
      const detail = `the database lacks migrations (${missing.join(', ')}): run tem migrate`;
      return { missing: ['migrations'], details: { migrations: detail }, warnings: [] };
    }
    const worker = await within(pool.query(WORKERS));
    const noWorker = worker.rows[0].alive === 0;
    const warnings: string[] = [];
    if (newer.length > 0) warnings.push(`the database has migrations of a newer release (${newer.join(', ')})`);
    if (settings.fsync === 'off') warnings.push('fsync is off: a crash of the machine can lose accepted events');
    if (settings.synchronousCommit === 'off')
      warnings.push('synchronous_commit is off: a crash can lose accepted events');
    const skewMs = Math.round(startedMs + elapsedMs / 2 - settings.nowMs);
    if (Math.abs(skewMs) > CLOCK_SKEW_MAX_MS + elapsedMs)
      warnings.push(`this machine's clock and the database's differ by ${skewMs} ms`);
    return {
      missing: noWorker ? ['worker'] : [],
      details: noWorker
        ? { worker: 'no live worker is registered on this database; is it running, and on the same DATABASE_URL?' }
        : {},
      warnings,
    };
  } catch {
    return { missing: ['database'], details: { database: 'the database does not answer' }, warnings: [] };
  }
}

const SETTINGS = `
  select pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') = 'on' as "readOnly",
    current_setting('fsync') as fsync, current_setting('synchronous_commit') as "synchronousCommit",
    extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"`;
const WORKERS = 'select count(*)::int as alive from tem.worker where lease_until > clock_timestamp() and not stopping';

async function within<Value>(answer: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  answer.catch(() => {});
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
