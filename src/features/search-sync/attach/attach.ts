// Attaches a table: queue table, triggers, mapping and indices, then the first load. The table is locked only while its
// triggers are made; where somebody holds it, TEM lets go and tries again, so that no writer waits longer than a moment.

import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { inTransaction } from '../../../core/ledger/in-transaction.ts';
import { isUnavailable } from '../../../core/ledger/pool.ts';
import { enqueueLoad } from '../load/enqueue.ts';
import type { Definition, Mapping, SearchIndex } from '../mapping.ts';
import { ensureQueueTable, OLD_FUNCTION, QUEUE, readQueueTable, takeoverSteps } from '../queue/table.ts';
import { quoted } from '../source/table.ts';
import {
  deleteMapping,
  insertIndex,
  insertMapping,
  raiseRevision,
  readLoads,
  readMapping,
  updateIndex,
} from '../store.ts';
import { indexBody, settingsWarnings } from '../target/index-body.ts';
import { createIndex, deleteIndex, pointAlias, resolveName, TargetRefused } from '../target/indices.ts';
import type { Target } from '../target/target.ts';
import type { Plan } from './plan.ts';
import { MappingRefused } from './refused.ts';
import { dependencyTriggers, TRIGGER_PREFIX, tableTriggers } from './triggers.ts';

/** How long writers of the table may have to wait behind TEM's wait for it; what it does then takes some milliseconds. */
const LOCK_WITHIN_MS = 100;
const LOCK_TRIES_MAX = 200;
const LOCK_PAUSE_MS = 200;
const LOCK_NOT_AVAILABLE = '55P03';
const UNIQUE_VIOLATION = '23505';

/** Somebody holds the table for so long that triggers couldn't be made. Nothing was changed. */
export class TableBusy extends Error {
  override readonly name = 'TableBusy';
}

/** It is mapped already. */
export class AlreadyMapped extends Error {
  override readonly name = 'AlreadyMapped';
}

export interface Attached {
  mapping: Mapping;
  /** What was altered on a queue that was there before, and what is risky in what was asked. */
  said: string[];
}

export interface AttachDependencies {
  pool: pg.Pool;
  targets: Record<string, Target>;
  log: Logger;
}

export async function attach({ pool, targets, log }: AttachDependencies, plan: Plan): Promise<Attached> {
  for (const name of plan.definition.targets) await checkAlias(targets[name] as Target, plan.definition.index);
  const said = [...(await prepareQueue(pool, log, plan.queueName)), ...settingsWarnings(plan.definition)];
  const mappingId = await register(pool, plan);
  const mapping = (): Promise<Mapping | undefined> => readMapping(pool, { schema: plan.schema, name: plan.table });
  try {
    const bare: Mapping = { ...plan.definition, ...plan, mappingId, indices: [] };
    await makeTriggers(pool, bare, plan);
    for (const name of plan.definition.targets) {
      await addIndex({ pool, target: targets[name] as Target }, bare, plan, { searched: true });
    }
  } catch (error) {
    // As if it had never been asked.
    for (const { target, name } of await readLoads(pool, mappingId)) {
      const known = targets[target];
      if (known) await deleteIndex(known, name).catch(() => {});
    }
    await removeTriggers(pool, { ...plan.definition, ...plan, mappingId, indices: [] });
    await deleteMapping(pool, mappingId);
    await raiseRevision(pool);
    throw error;
  }
  return { mapping: (await mapping()) as Mapping, said };
}

async function checkAlias(target: Target, alias: string): Promise<void> {
  const { kind, indices } = await resolveName(target, alias);
  if (kind === 'none') return;
  throw new MappingRefused(
    'index_exists',
    '/index',
    kind === 'index'
      ? `${alias} is an index on ${target.name} already, and TEM needs the name for an alias: take another name, or delete that index`
      : `${alias} is an alias of ${indices.join(', ')} on ${target.name} already: take another name, or remove that alias`,
  );
}

/** Makes or takes over the queue table, and tries it; resolves to what was altered. */
async function prepareQueue(pool: pg.Pool, log: Logger, queueName: string): Promise<string[]> {
  const steps = (await readQueueTable(pool)) ? await takeoverSteps(pool) : [];
  for (const { say } of steps) log.warn({ table: QUEUE }, say);
  await inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtext('tem.search.queue'))");
    const isMade = await ensureQueueTable(client, steps);
    if (isMade) await client.query('update tem.search_state set queue_made_by_tem = true');
    else await tryQueue(client, queueName);
  });
  return steps.map(({ say }) => say);
}

/** A queue that was there may refuse this table's name, or a change without its data: the application's writes would fail. */
async function tryQueue(client: pg.PoolClient, queueName: string): Promise<void> {
  await client.query('savepoint trying');
  try {
    await client.query(
      `insert into ${QUEUE} (table_name, operation, record_id, change_data)
        select $1, unnest(array['INSERT', 'UPDATE', 'DELETE']), 'x', null`,
      [queueName],
    );
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || isUnavailable(error)) throw error;
    throw new MappingRefused('queue_refuses', '', `${QUEUE} takes no changes of ${queueName}: ${error.message}`);
  }
  await client.query('rollback to savepoint trying');
}

async function register(pool: pg.Pool, plan: Plan): Promise<string> {
  try {
    return await insertMapping(pool, plan);
  } catch (error) {
    if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
    throw new AlreadyMapped(`${quoted({ schema: plan.schema, name: plan.table })} is mapped already`);
  }
}

/** Makes TEM's triggers, or puts them in the place of those that are there. */
export async function makeTriggers(pool: pg.Pool, mapping: Mapping, plan: Plan): Promise<void> {
  const own = tableTriggers(mapping, plan.source);
  await place(pool, own, (client, { schema, name }) =>
    schema === plan.schema && name === plan.table ? removeOldTriggers(client, plan) : Promise.resolve(),
  );
  for (const [index, dependency] of mapping.dependencies.entries()) {
    const table = plan.dependencyTables[index];
    if (table) await place(pool, dependencyTriggers(mapping, dependency, index, table));
  }
}

/** Makes the functions, then the triggers table by table: each is locked for a moment only, however many partitions there are. */
export async function place(
  pool: pg.Pool,
  { functions, triggers }: ReturnType<typeof tableTriggers>,
  inTheSameMoment: (
    client: pg.PoolClient,
    relation: { schema: string; name: string },
  ) => Promise<unknown> = async () => {},
): Promise<void> {
  await inTransaction(pool, async (client) => {
    for (const sql of functions) await client.query(sql);
  });
  for (const { relation, sql } of triggers) {
    await locking(pool, quoted(relation), async (client) => {
      await client.query(sql);
      await inTheSameMoment(client, relation);
    });
  }
}

/** The row trigger of the queue before TEM goes in the same moment in which TEM's come. */
async function removeOldTriggers(client: pg.PoolClient, { source }: Plan): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(t.tgname) as name from pg_trigger t where t.tgrelid = $1::oid and not t.tgisinternal
      and t.tgfoid = to_regproc($2)`,
    [source.oid, OLD_FUNCTION],
  );
  for (const { name } of rows) await client.query(`drop trigger ${name} on ${quoted(source)}`);
  const left = await client.query(`select from pg_trigger t where t.tgfoid = to_regproc($1) limit 1`, [OLD_FUNCTION]);
  if (left.rowCount === 0) await client.query(`drop function if exists ${OLD_FUNCTION}()`);
}

/** Removes all of TEM's triggers for the mapping, from whatever tables have them, and their functions. */
export async function removeTriggers(pool: pg.Pool, { mappingId }: Mapping): Promise<void> {
  const { rows } = await pool.query<{ relation: string; trigger: string }>(
    `select c.oid::regclass::text as relation, quote_ident(t.tgname) as trigger from pg_trigger t
      join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'tem' and p.proname ~ ('^search_' || $1 || '_') and t.tgname like '${TRIGGER_PREFIX}%'`,
    [mappingId],
  );
  for (const { relation, trigger } of rows) {
    await locking(pool, relation, (client) => client.query(`drop trigger if exists ${trigger} on ${relation}`));
  }
  const functions = await pool.query<{ name: string }>(
    `select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'tem' and p.proname ~ ('^search_' || $1 || '_')`,
    [mappingId],
  );
  for (const { name } of functions.rows) await pool.query(`drop function if exists ${name}`);
}

/** Runs what locks a table, letting go and trying again while somebody else holds it. */
export async function locking(
  pool: pg.Pool,
  table: string,
  run: (client: pg.PoolClient) => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await inTransaction(pool, async (client) => {
        await client.query(`set local lock_timeout = ${LOCK_WITHIN_MS}`);
        await run(client);
      });
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
      if (attempt === LOCK_TRIES_MAX) {
        throw new TableBusy(
          `${table} is held by another transaction; nothing was changed: try again when it has ended`,
        );
      }
      await pause(LOCK_PAUSE_MS * (0.5 + Math.random()));
    }
  }
}

/** A new concrete index that is about to be filled. `searched`: the mapping's alias points to it at once. */
export async function addIndex(
  { pool, target }: { pool: pg.Pool; target: Target },
  mapping: Mapping,
  { definition, source }: { definition: Definition; source: Plan['source'] },
  { searched }: { searched: boolean },
): Promise<SearchIndex> {
  const index = await insertIndex(pool, { mappingId: mapping.mappingId, target: target.name, alias: mapping.index });
  try {
    await createIndex(target, index.name, indexBody(definition, source));
    if (searched) await pointAlias(target, mapping.index, index.name);
  } catch (error) {
    await updateIndex(pool, index.id, ['loading'], `state = 'cancelled'`);
    if (error instanceof TargetRefused) throw new MappingRefused('target_refused', '/mapping', error.message);
    throw error;
  }
  // Only from here on do changes go to it: what happened before is in what the load reads.
  await raiseRevision(pool);
  await enqueueLoad(pool, index.id);
  return index;
}
