// What every crash test starts from: a ledger and a namespace of its own, real processes that run the event types of the
// tests, gates that hold handlers, and the questions that are asked after a crash.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Pool, PoolClient } from 'pg';
import { expect, onTestFailed } from 'vitest';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { atEnd } from '../support/at-end.ts';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import type { Logged, Step } from '../support/event-types.ts';
import { builtModule, startTem, type TemProcess } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { createBatches, KEEP_BATCHES } from './batches.ts';
import { watchTruth } from './truth.ts';

export { MODES, modes } from './batches.ts';

const EVENT_TYPES = builtModule(new URL('../support/event-types.ts', import.meta.url));
/** The machine may be busy with other tests. */
export const PATIENCE_MS = 120_000;
export const TEST_TIMEOUT_MS = 300_000;

const OUTPUT_LINES_SHOWN = 25;

export interface NewEvent {
  type?: string;
  key?: string;
  steps?: Step[];
  compensation?: Step[];
  runAt?: Date;
  filler?: string;
}

export interface Row {
  id: string;
  type: string;
  key: string;
  state: string;
  retry_count: number;
  crash_count: number;
  epoch: number;
  generation: number;
  last_error: string | null;
  next_retry_at: Date | null;
  compensation_error: string | null;
  cancel_requested: boolean;
  compensating: boolean;
  workflow_id: string | null;
}

export interface Places {
  databaseUrl: string;
  pool: Pool;
  address: string;
  namespace: string;
  client: Client;
}

export type Scene = Awaited<ReturnType<typeof setup>>;

/** `places` replaces the test run's own Postgres or Temporal. Everything that it starts is killed when the test (or file) ends. */
export async function setup(further: Record<string, string> = {}, places: Partial<Places> = {}) {
  const database =
    places.pool && places.databaseUrl ? { pool: places.pool, databaseUrl: places.databaseUrl } : await createDatabase();
  const temporal =
    places.address && places.namespace && places.client
      ? { address: places.address, namespace: places.namespace, client: places.client }
      : await createNamespace();
  const { pool } = database;
  const folder = mkdtempSync(join(tmpdir(), 'tem crash '));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'log'), '');
  await pool.query(`
    create table effect (event_id uuid not null, attempt int not null, kind text not null);
    create table tally as select 0 as count`);
  await pool.query(KEEP_BATCHES);
  const environment = testEnvironment(database, temporal, {
    TEM_EVENT_TYPES: EVENT_TYPES,
    TEST_FOLDER: folder,
    ...further,
  });
  const processes = new Set<TemProcess>();
  atEnd(async () => {
    for (const each of processes) each.kill('SIGKILL');
    await Promise.all([...processes].map((each) => each.exited));
  });

  const start = async (
    args: string[],
    changed: Record<string, string>,
  ): Promise<TemProcess & { is: Record<string, unknown> }> => {
    const started = startTem(args, { ...environment, ...changed });
    processes.add(started);
    try {
      onTestFailed(() => showOutput(args.join(' '), started));
    } catch {
      // Not inside of a test.
    }
    return { ...started, is: await started.ready() };
  };
  const rows = async (ids?: readonly string[]): Promise<Row[]> => {
    const { rows: found } = await pool.query<Row>(
      'select * from tem.event where $1::uuid[] is null or id = any($1::uuid[]) order by id',
      [ids ?? null],
    );
    return found;
  };
  const log = (): Logged[] =>
    readFileSync(join(folder, 'log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Logged);
  const states = async (): Promise<Record<string, number>> => {
    const { rows: counts } = await pool.query<{ state: string; count: number }>(
      'select state, count(*)::int as count from tem.event group by state',
    );
    return Object.fromEntries(counts.map(({ state, count }) => [state, count]));
  };

  const accept = async (client: Pool | PoolClient, events: readonly NewEvent[]): Promise<string[]> => {
    const outcomes = await acceptEvents(
      client,
      events.map(({ type, steps, compensation, filler, ...rest }) => ({
        type: type ?? 'work',
        payload: { steps: steps ?? [{ do: 'write' }], compensation, filler },
        source: 'http',
        ...rest,
      })),
    );
    return outcomes.map(({ id }) => id);
  };
  /** Accepts events in one statement; resolves to their ids, in order. */
  const send = (events: readonly NewEvent[]): Promise<string[]> => accept(pool, events);
  const batches = createBatches(environment.TEM_BATCH === 'on', pool, accept);

  const scene = {
    ...database,
    ...batches,
    temporal,
    environment,
    folder,
    startWorker: (changed: Record<string, string> = {}) => start(['worker'], changed),
    startApi: (changed: Record<string, string> = {}) => start(['api'], changed),
    /** Kills as the kernel does, and resolves when the process is gone. */
    async kill(...victims: TemProcess[]) {
      for (const victim of victims) victim.kill('SIGKILL');
      await Promise.all(victims.map((victim) => victim.exited));
    },
    send,
    open: (gate: string) => writeFileSync(join(folder, `gate-${gate}`), ''),
    log,
    logOf: (id: string) => log().filter((entry) => entry.event === id),
    rows,
    row: async (id: string) => (await rows([id]))[0] as Row,
    states,
    /** Waits until all events, or those given, are in this state. */
    async untilAll(state: string, timeoutMs = PATIENCE_MS, ids?: readonly string[]): Promise<void> {
      await waitFor(async () => {
        const found = await rows(ids);
        const others = found.filter((row) => row.state !== state);
        if (found.length === 0 || (ids && found.length !== new Set(ids).size))
          throw new Error(`${found.length} rows of ${ids?.length ?? 'any'} events`);
        if (others.length === 0) return true;
        const sample = others.slice(0, 3).map((row) => `${row.id} ${row.state} ${row.last_error ?? ''}`);
        throw new Error(`${JSON.stringify(await states())}, such as ${sample.join('; ')}`);
      }, timeoutMs);
    },
    untilState: (id: string, ...wanted: string[]) =>
      waitFor(async () => {
        const [row] = await rows([id]);
        if (row && wanted.includes(row.state)) return row;
        throw new Error(JSON.stringify(row));
      }, PATIENCE_MS),
    /** Waits until the handler of this event has said `what` at least `times` times. */
    untilLogged: (id: string, what: Logged['what'], times = 1) =>
      waitFor(() => log().filter((entry) => entry.event === id && entry.what === what).length >= times, PATIENCE_MS),
    history: async (id: string) =>
      (
        await pool.query<{
          from_state: string;
          to_state: string;
          attempt: number | null;
          error: string | null;
          actor: string;
        }>('select * from tem.transition where event_id = $1 order by version', [id])
      ).rows,
    effects: async (kind = 'done') =>
      new Map(
        (
          await pool.query<{ event_id: string; count: number }>(
            'select event_id, count(*)::int as count from effect where kind = $1 group by event_id',
            [kind],
          )
        ).rows.map((row) => [row.event_id, row.count]),
      ),
    /** Each event has its effect in the ledger exactly once, and nothing else has one. */
    async expectEffectsOnce(ids: readonly string[]): Promise<void> {
      const effects = await scene.effects();
      const all = [...ids, ...batches.companions];
      const wrong = all.filter((id) => effects.get(id) !== 1).map((id) => `${id}: ${effects.get(id) ?? 0}`);
      expect(wrong).toEqual([]);
      expect(effects.size).toBe(new Set(all).size);
    },
    /**
     * Everything that was answered is in the ledger, ends PROCESSED and has its effect once. What was refused may have
     * been written all the same, never the other way round: then it is one of `sentKeys`, and ends as well.
     */
    async expectAllKept(answered: readonly string[], sentKeys: ReadonlySet<string>): Promise<void> {
      await scene.untilAll('PROCESSED', PATIENCE_MS, answered);
      await scene.untilAll('PROCESSED');
      const found = await rows();
      const known = new Set(answered);
      expect(found.filter((row) => !known.has(row.id) && !sentKeys.has(row.key))).toEqual([]);
      await scene.expectEffectsOnce(found.map((row) => row.id));
    },
    /** How many effects each of these has, in their order. */
    async effectsOf(ids: readonly string[], kind = 'done'): Promise<number[]> {
      const effects = await scene.effects(kind);
      return ids.map((id) => effects.get(id) ?? 0);
    },
    /** From here to the end of the test every reading must agree with the handlers' log; `stop` says what didn't. */
    watchTruth: (options: { toleratesOutages?: boolean } = {}) => watchTruth({ pool, folder, ...options }),
  };
  return scene;
}

function showOutput(name: string, started: TemProcess): void {
  const written = `${started.stdout()}${started.stderr()}`.split('\n');
  process.stderr.write(`${name} ${started.pid} wrote at the end:\n${written.slice(-OUTPUT_LINES_SHOWN).join('\n')}\n`);
}
