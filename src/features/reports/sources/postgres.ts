// Rows of a Postgres: a connection of its own for each query, in a read-only transaction, through a cursor. The cursor is
// declared by the extended protocol, which takes one statement, and DECLARE takes nothing but a query that reads.

import pg from 'pg';
import { sessionConfig } from '../../../core/ledger/session.ts';
import { describePortal, readPortal } from './portal.ts';
import { refuseWrites } from './refusal.ts';
import type { Rows } from './rows.ts';
import { type Column, type Kind, QueryFailed, type Reading, type Source } from './source.ts';

const CONNECT_WITHIN_MS = 10_000;
const LOCK_TIMEOUT_MS = 5_000;
const BATCH_PAUSE_MAX_MS = 600_000;

/** By the type's OID; every other type is text. Domains come as what they are made of. */
const KINDS: Readonly<Record<number, Kind>> = {
  ...kinds('number', 20, 21, 23, 26, 700, 701, 1700),
  ...kinds('boolean', 16),
  ...kinds('date', 1082),
  ...kinds('timestamp', 1114, 1184),
  // time, timetz, interval, money, uuid, inet, cidr, macaddr, bit, varbit, bytea
  ...kinds('plain', 1083, 1266, 1186, 790, 2950, 869, 650, 829, 1560, 1562, 17),
};
// Syntax, privileges, missing names, bad values, read-only: the same query fails again.
const LASTING = /^(0A|21|22|23|25006|26|28|2B|34|3D|3F|42|54|P0)/;
const CURSOR = 'tem_report';

export interface PostgresOptions {
  url: string;
  applicationName: string;
}

/** Calls `open` for each query, and once more with `again` when what it gave is refused at the door. */
export function postgresSource(open: (again: boolean) => Promise<PostgresOptions>): Source {
  return {
    async read(reading, use) {
      refuseWrites(reading.text);
      const { client, options } = await enter(open);
      const stop = new Stop(client, options, reading);
      try {
        const columns = await openCursor(client, reading).catch((error) => {
          throw stop.reason ?? asFailure(error);
        });
        return await use(columns, batches(client, columns.length, reading, stop));
      } finally {
        stop.clear();
        // Nothing of the query stays: no locks, no settings, no notifications.
        await client.end().catch(() => {});
      }
    },
  };
}

async function* batches(client: pg.Client, columns: number, { rowsMax }: Reading, stop: Stop): AsyncGenerator<Rows> {
  try {
    // One more than are taken says that there are more.
    yield* readPortal(client, CURSOR, { columns, rowsMax: rowsMax + 1 });
    await refuseLocks(client);
  } catch (error) {
    throw stop.reason ?? asFailure(error);
  }
}

async function enter(open: (again: boolean) => Promise<PostgresOptions>) {
  const options = await open(false);
  try {
    return { options, client: await connect(options) };
  } catch (error) {
    if (!(error instanceof QueryFailed) || error.mayPass) throw error;
    const others = await open(true);
    return { options: others, client: await connect(others) };
  }
}

async function connect({ url, applicationName }: PostgresOptions): Promise<pg.Client> {
  const { Client, ...config } = sessionConfig(url, applicationName);
  const client = new Client({ ...config, connectionTimeoutMillis: CONNECT_WITHIN_MS, keepAlive: true });
  try {
    await client.connect();
    return client;
  } catch (error) {
    const { code } = error as { code?: string };
    throw new QueryFailed(`the source can't be reached (${code ?? 'no answer'})`, code !== '28P01' && code !== '28000');
  }
}

/** Declared as a cursor, which takes one query that reads; its values are bound. */
async function openCursor(client: pg.Client, reading: Reading): Promise<Column[]> {
  await begin(client, reading);
  await client.query(extended(`declare ${CURSOR} no scroll cursor for ${reading.text}`, reading.values));
  return columnsOf(client, await describePortal(client, CURSOR));
}

async function begin(client: pg.Client, { timeZone, withinMs }: Reading): Promise<void> {
  await client.query('begin transaction isolation level repeatable read, read only');
  const settings: Record<string, string> = {
    statement_timeout: String(Math.ceil(withinMs)),
    lock_timeout: String(LOCK_TIMEOUT_MS),
    idle_in_transaction_session_timeout: String(BATCH_PAUSE_MAX_MS),
    TimeZone: timeZone,
    DateStyle: 'ISO, YMD',
    IntervalStyle: 'postgres',
    extra_float_digits: '1',
    bytea_output: 'hex',
    // All rows are wanted, not the first ones soon.
    cursor_tuple_fraction: '1',
    // What finds the parameters reads strings by this rule.
    standard_conforming_strings: 'on',
  };
  await client.query('select set_config(name, value, true) from unnest($1::text[], $2::text[]) as s(name, value)', [
    Object.keys(settings),
    Object.values(settings),
  ]);
  const { rows } = await client.query<{ rolsuper: boolean }>(
    'select rolsuper from pg_catalog.pg_roles where rolname = current_user',
  );
  // Whoever named a superuser as a source is at least not its equal in a report.
  if (rows[0]?.rolsuper) await client.query('set local role pg_read_all_data');
}

/** Its own statement even without values, which the driver would send as a script. */
function extended(text: string, values: unknown[]): pg.QueryConfig {
  return { text, values, queryMode: 'extended' } as pg.QueryConfig;
}

async function columnsOf(client: pg.Client, fields: pg.FieldDef[]): Promise<Column[]> {
  const { rows } = await client.query<{ type: string }>(
    `select pg_catalog.format_type(o.oid, o.typmod) as type
     from unnest($1::oid[], $2::int[]) with ordinality as o(oid, typmod, n) order by n`,
    [fields.map(({ dataTypeID }) => dataTypeID), fields.map(({ dataTypeModifier }) => dataTypeModifier)],
  );
  return fields.map(({ name, dataTypeID }, n) => ({
    name,
    type: rows[n]?.type ?? 'unknown',
    kind: KINDS[dataTypeID] ?? 'text',
  }));
}

async function refuseLocks(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ locks: boolean }>(
    `select exists (select from pg_catalog.pg_locks where pid = pg_catalog.pg_backend_pid() and locktype = 'advisory') as locks`,
  );
  if (rows[0]?.locks) throw new QueryFailed('advisory locks belong to programs: a report takes none', false);
}

/** Ends the session from outside: the query itself may have lifted its own time limit. */
class Stop {
  reason: Error | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #aborted = () => this.#stop(new Error('the report was stopped'));

  constructor(
    private readonly client: pg.Client,
    private readonly options: PostgresOptions,
    private readonly reading: Reading,
  ) {
    this.#timer = setTimeout(() => this.#stop(tooSlow()), reading.withinMs);
    reading.signal?.addEventListener('abort', this.#aborted, { once: true });
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.reading.signal?.removeEventListener('abort', this.#aborted);
  }

  #stop(reason: Error): void {
    this.reason ??= reason;
    const { processID } = this.client as unknown as { processID: number | null };
    void (async () => {
      const other = await connect(this.options);
      await other.query('select pg_terminate_backend($1)', [processID]).finally(() => other.end());
    })().catch(() => void this.client.end().catch(() => {}));
  }
}

function tooSlow(): QueryFailed {
  return new QueryFailed('the query took longer than its time limit', true);
}

function asFailure(error: unknown): unknown {
  if (error instanceof QueryFailed) return error;
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? '';
    if (code === '57014') return tooSlow();
    return new QueryFailed(inWords(code, error.message), !LASTING.test(code));
  }
  const { code, message } = error as { code?: string; message?: string };
  if (/^E[A-Z]+$/.test(code ?? '') || /Connection terminated|Connection ended/.test(message ?? ''))
    return new QueryFailed('the connection to the source was lost', true);
  return error;
}

/** Postgres's own words are about the author's own query. */
function inWords(code: string, message: string): string {
  if (code === '25006') return `a report can't write: ${message}`;
  if (code === '42501') return `the role that reads reports may not do this: ${message}`;
  if (/cannot insert multiple commands/.test(message))
    return 'a report is one query: take out what comes after the first ;';
  return `the source says: ${message}`;
}

function kinds(kind: Kind, ...oids: number[]): Record<number, Kind> {
  return Object.fromEntries(oids.map((oid) => [oid, kind]));
}
