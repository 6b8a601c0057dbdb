// Whether events would be accepted and run right now, and in words what is missing if not; and what works and yet
// endangers the promise. The answer is kept for a second, and what is slow to find out for longer, so that a load
// balancer's probes are quick and cost next to nothing.

import type { Pool } from 'pg';
import type { Finding } from '../core/health/finding.ts';
import { quickLedgerFindings, slowLedgerFindings } from '../core/health/ledger.ts';
import { checkWorkers } from '../core/health/workers.ts';
import { within } from '../core/within.ts';

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
const SLOW_FRESH_FOR_MS = 15_000;
/** A probe doesn't wait longer for what is slow; the next one has it. */
const SLOW_WITHIN_MS = 500;
const CHECK_TIMEOUT_MS = 2_000;

const NOTHING: Readiness = { missing: [], details: {}, warnings: [] };
const MISSING_BY_FINDING: Record<string, Missing> = {
  database: 'database',
  writable: 'database',
  space: 'database',
  migrations: 'migrations',
  worker: 'worker',
};
const DISK_FULL: Finding = {
  name: 'space',
  ok: false,
  detail: 'its disk is full: free some room or give it more; events are refused with 503 and none is lost',
};
// Everybody may ask: these findings name hosts, databases and ledgers.
const PUBLIC_WORDS: Record<string, string> = {
  database: "the database doesn't answer or can't be used: tem doctor says why",
  worker: 'no live worker is registered on this database; is it running, and on the same DATABASE_URL?',
};

export interface ReadinessOptions {
  pool: Pool;
  /** Rejects with a message for a person when Temporal or its namespace can't be used. */
  checkTemporal(): Promise<void>;
  /** What accepting met. */
  foundDiskFull(): boolean;
  /** What the features say of themselves, and which incidents are open. */
  furtherFindings?: readonly (() => Promise<Finding[]>)[];
  /** This machine's clock in Unix milliseconds. */
  now?(): number;
}

export function createReadiness(options: ReadinessOptions): ReadinessReader {
  const { pool, checkTemporal, foundDiskFull, furtherFindings = [], now = Date.now } = options;
  const slow = createSlow(async () => {
    const found = await Promise.all([slowLedgerFindings(pool), ...furtherFindings.map((find) => find())]);
    return found.flat();
  });
  let kept: Readiness | undefined;
  let keptUntil = 0;
  let reading: Promise<Readiness> | undefined;
  const read = async (): Promise<Readiness> => {
    const parts = await Promise.all([readLedger(pool, slow, foundDiskFull, now), readTemporal(checkTemporal)]);
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
    await answerOf(CHECK_TIMEOUT_MS, checkTemporal());
    return NOTHING;
  } catch (error) {
    return { ...NOTHING, missing: ['temporal'], details: { temporal: (error as Error).message } };
  }
}

async function readLedger(
  pool: Pool,
  slow: () => Promise<Finding[]>,
  foundDiskFull: () => boolean,
  now: () => number,
): Promise<Readiness> {
  try {
    const quick = await answerOf(CHECK_TIMEOUT_MS, quickLedgerFindings(pool, now));
    if (foundDiskFull()) quick.push(DISK_FULL);
    const readiness = present(quick);
    if (readiness.missing.length > 0) return readiness;
    const [worker, further] = await Promise.all([answerOf(CHECK_TIMEOUT_MS, checkWorkers(pool)), slow()]);
    return present([...quick, ...further, worker]);
  } catch {
    return present([{ name: 'database', ok: false, detail: '' }]);
  }
}

function present(findings: Finding[]): Readiness {
  const wrong = findings.filter(({ ok }) => !ok);
  const missing = new Map<Missing, string>();
  for (const { name, detail, isWarning } of wrong) {
    const what = MISSING_BY_FINDING[name];
    if (what && !isWarning && !missing.has(what)) missing.set(what, PUBLIC_WORDS[name] ?? detail);
  }
  return {
    missing: [...missing.keys()],
    details: Object.fromEntries(missing),
    warnings: wrong.filter(({ isWarning }) => isWarning).map(({ detail }) => detail),
  };
}

/** What was found last, looked for again when it is old; nothing while nothing has been found yet. */
function createSlow(look: () => Promise<Finding[]>): () => Promise<Finding[]> {
  let found: Finding[] | undefined;
  let foundUntil = 0;
  let looking: Promise<void> | undefined;
  const lookNow = async (): Promise<void> => {
    found = await look();
    foundUntil = performance.now() + SLOW_FRESH_FOR_MS;
  };
  return async () => {
    if (performance.now() >= foundUntil) {
      looking ??= lookNow().finally(() => {
        looking = undefined;
      });
      looking.catch(() => {});
      if (found === undefined) await answerOf(SLOW_WITHIN_MS, looking).catch(() => {});
    }
    return found ?? [];
  };
}

function answerOf<Value>(limitMs: number, answer: Promise<Value>): Promise<Value> {
  return within(limitMs, answer, () => new Error(`no answer in ${limitMs} ms`));
}
