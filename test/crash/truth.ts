// Truth at every moment: while processes die, the ledger is read every 20 ms, and each reading is held against what the
// handlers had logged by then. The log is read before and after the rows: what was logged before must show in them, and
// what they claim must have been logged after.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { expect } from 'vitest';
import { isUnavailable } from '../../src/core/ledger/pool.ts';
import { TRANSITIONS } from '../../src/core/ledger/states.ts';
import { atEnd } from '../support/at-end.ts';
import type { Logged } from '../support/event-types.ts';

const READ_EVERY_MS = 20;
/** On a machine that is busy with what is watched, a reading can take long; outages don't count. */
const READ_AT_LEAST_EVERY_MS = 1_000;
/**
 * That is a mean, which would hide one long silence. Two cores that start processes and run a flood have left a reading
 * waiting for a second or so; a lie that nobody looks at for longer than this was not looked for.
 */
const LONGEST_GAP_MS_MAX = 5_000;
const LIES_KEPT_MAX = 20;

export interface TruthWatch {
  readings(): number;
  /** Stops reading and fails the test when a reading disagreed. */
  stop(): Promise<void>;
}

interface Reading {
  id: string;
  state: string;
  version: number;
  epoch: number;
  attempts: number;
  begun: boolean;
  waits: boolean;
  locked: boolean;
  compensating: boolean;
  done: number;
  undone: number;
  chain: string | null;
  writes: boolean;
  cancelling: boolean;
}

interface Known {
  began: Set<number>;
  threw: Set<number>;
  returned: Set<number>;
}

// One statement: rows, effects and transitions of the same moment.
const READ = `
  select e.id, e.state, e.version, e.epoch, e.retry_count as attempts, e.begun, e.next_retry_at is not null as waits,
    e.locked_at is not null as locked, e.compensating, coalesce(f.done, 0)::int as done, coalesce(f.undone, 0)::int as undone,
    t.chain, e.payload -> 'steps' @> '[{"do": "write"}]' as writes, e.cancel_requested as cancelling
  from tem.event e
    left join (select event_id, count(*) filter (where kind = 'done') as done, count(*) filter (where kind = 'undone') as undone
      from effect group by event_id) f on f.event_id = e.id
    left join (select event_id, string_agg(from_state || '>' || to_state, ' ' order by version) as chain
      from tem.transition group by event_id) t on t.event_id = e.id`;

export function watchTruth({
  pool,
  folder,
  toleratesOutages,
}: {
  pool: Pool;
  folder: string;
  toleratesOutages?: boolean;
}): TruthWatch {
  const lies: string[] = [];
  const before = new LogReader(join(folder, 'log'));
  const after = new LogReader(join(folder, 'log'));
  const versions = new Map<string, { version: number; epoch: number; state: string }>();
  let readings = 0;
  let stopped = false;
  const watchedSince = performance.now();
  let awayMs = 0;
  let readAt = watchedSince;
  let longestGapMs = 0;

  const look = async (): Promise<void> => {
    const logged = before.read();
    const { rows } = await pool.query<Reading>({ name: 'truth', text: READ });
    const known = after.read();
    readings += 1;
    longestGapMs = Math.max(longestGapMs, performance.now() - readAt);
    readAt = performance.now();
    for (const row of rows) {
      const last = versions.get(row.id);
      const found = [
        ...disagreements(row, logged.get(row.id) ?? NOTHING, known.get(row.id) ?? NOTHING),
        ...(last && (row.version < last.version || row.epoch < last.epoch)
          ? ['an older writer overwrote a newer one']
          : []),
        ...(last && row.version === last.version && row.state !== last.state
          ? ['the state changed without a new version']
          : []),
      ];
      versions.set(row.id, row);
      for (const lie of found) if (lies.length < LIES_KEPT_MAX) lies.push(`${lie}: ${JSON.stringify(row)}`);
    }
  };

  const looking = (async () => {
    while (!stopped) {
      const startedAt = performance.now();
      try {
        await look();
      } catch (error) {
        if (!toleratesOutages || !isUnavailable(error)) throw error;
        awayMs += performance.now() - startedAt + READ_EVERY_MS;
        readAt = performance.now();
      }
      await delay(Math.max(1, READ_EVERY_MS - (performance.now() - startedAt)));
    }
  })();
  looking.catch(() => {});
  const end = async (): Promise<void> => {
    stopped = true;
    await looking;
    before.close();
    after.close();
  };
  atEnd(() => end().catch(() => {}));
  return {
    readings: () => readings,
    async stop() {
      stopped = true;
      await looking;
      // Once more, for what came last.
      await look();
      const expected = (performance.now() - watchedSince - awayMs) / READ_AT_LEAST_EVERY_MS;
      await end();
      expect(lies).toEqual([]);
      expect(readings).toBeGreaterThanOrEqual(Math.floor(expected));
      expect(longestGapMs, 'the longest time without a reading, in ms').toBeLessThan(LONGEST_GAP_MS_MAX);
    },
  };
}

const NOTHING: Known = { began: new Set(), threw: new Set(), returned: new Set() };
const ALLOWED = new Set(TRANSITIONS.map(({ from, to }) => `${from}>${to}`));

/** What a reading claims against the log of before and after it. Handlers write one effect and fail as they are told. */
function disagreements(row: Reading, logged: Known, known: Known): string[] {
  const lies: string[] = [];
  const claim = (holds: boolean, words: string): void => {
    if (!holds) lies.push(words);
  };
  const attempt = row.attempts + 1;
  claim(
    row.done === (row.state === 'PROCESSED' && row.writes ? 1 : 0),
    'the effect and PROCESSED are not there together',
  );
  claim(row.undone === 0 || row.state === 'EXTINCT' || row.state === 'CANCELLED', 'compensated without having ended');
  if (row.state === 'PROCESSED') claim(known.returned.has(attempt), 'PROCESSED, but the handler never returned');
  // A revival counts from 1 again: what was logged before says nothing of the new life.
  const revived = row.chain?.includes('EXTINCT>QUEUED') ?? false;
  if (row.state === 'QUEUED') {
    claim(row.begun || revived || logged.began.size === 0, 'QUEUED, but its handler had begun');
  }
  if (row.state === 'FAILED' && !row.compensating) {
    // A cancel that came too late for the attempt ends it before that.
    claim(row.waits || row.cancelling, 'FAILED without next_retry_at');
    claim(revived || !logged.began.has(attempt) || row.begun === false, `FAILED, but attempt ${attempt} had begun`);
  }
  if (row.attempts > 0)
    claim(known.threw.has(row.attempts), `retry_count ${row.attempts}, but that attempt never failed`);
  if (row.state !== 'EXTINCT' && row.state !== 'QUEUED' && !revived) {
    claim(Math.max(0, ...logged.began) <= attempt, `an attempt after number ${attempt} had begun`);
  }
  claim(
    row.compensating || row.locked === (row.state === 'PROCESSING'),
    'locked_at is set exactly while it is worked on',
  );
  claim(!row.compensating || row.state !== 'PROCESSING', 'it compensates while PROCESSING');
  const steps = row.chain?.split(' ') ?? [];
  let from = 'QUEUED';
  for (const step of steps) {
    claim(ALLOWED.has(step), `${step} is no transition`);
    claim(step.startsWith(`${from}>`), `the history has a gap before ${step}`);
    from = step.slice(step.indexOf('>') + 1);
  }
  claim(from === row.state, 'the history ends in another state');
  return lies;
}

/** Reads what was appended to the log since the last time. */
class LogReader {
  readonly #file: number;
  readonly #known = new Map<string, Known>();
  #offset = 0;
  #rest = '';

  constructor(path: string) {
    this.#file = openSync(path, 'r');
  }

  read(): ReadonlyMap<string, Known> {
    const size = fstatSync(this.#file).size - this.#offset;
    if (size > 0) {
      const chunk = Buffer.alloc(size);
      this.#offset += readSync(this.#file, chunk, 0, size, this.#offset);
      const lines = (this.#rest + chunk.toString('utf8')).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.#add(JSON.parse(line) as Logged);
    }
    return this.#known;
  }

  #add({ event, what, attempt }: Logged): void {
    let known = this.#known.get(event);
    if (!known) this.#known.set(event, (known = { began: new Set(), threw: new Set(), returned: new Set() }));
    if (what === 'began' || what === 'threw' || what === 'returned') known[what].add(attempt);
  }

  close(): void {
    closeSync(this.#file);
  }
}
