// `tem search`: attaches and detaches tables, says how they stand, makes indices anew, compares, and shows it all on an
// OpenSearch of its own.

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CommandTools } from '../../core/feature.ts';
import { addDemo } from './demo/command.ts';

interface AttachOptions {
  index: string;
  id?: string;
  where?: string;
  columns?: string;
  sql?: string;
  dependency?: string[];
  suggest?: string;
  target?: string;
  json?: boolean;
}

const WATCH_EVERY_MS = 500;
const RECORDS_NAMED_MAX = 100;
/** Less than an answer may take. */
const PART_SECONDS = 15;

export function searchCommands(search: Command, tools: CommandTools): void {
  search.addHelpText(
    'after',
    tools.helpEnd([
      `tem search attach listings --index listings --where "status = 'active'"`,
      'tem search status',
      'tem search verify listings --repair',
      'tem search demo',
    ]),
  );
  search
    .command('attach <table>')
    .description('mirror a table: triggers, an index with its alias, a first load, then every change')
    .requiredOption('--index <alias>', 'the name that searches use')
    .option('--id <columns>', "what names a row, several with commas (the table's primary key)")
    .option('--where <condition>', 'only rows that meet it')
    .option('--columns <columns>', 'only these, with commas')
    .option('--sql <file>', 'a file with a query whose rows are the documents')
    .option('--dependency <path...>', 'profiles.id -> listings.user_id; once for each')
    .option('--suggest <columns>', 'columns that suggestions are made of, with commas')
    .option('--target <names>', 'targets by name, with commas (default)')
    .option('--json', 'print what the API answers')
    .action((table: string, options: AttachOptions) => attach(tools, table, options));
  search
    .command('detach <table>')
    .description('remove triggers, mapping, indices and queue rows of a table')
    .option('--keep-index', 'leave the indices where they are')
    .action(async (table: string, { keepIndex }: { keepIndex?: boolean }) => {
      await tools.api().request('DELETE', `${mappingPath(table)}${keepIndex ? '?keepIndex=true' : ''}`);
      say(`${table} is detached`);
    });
  search
    .command('status', { isDefault: true })
    .description('targets, queue and mapped tables')
    .option('--json', 'print what the API answers')
    .action((options: { json?: boolean }) => status(tools, options));
  search
    .command('reindex <table>')
    .description('make the index of a table anew beside the present one, and swap it in')
    .option('--wait', 'until it is live')
    .action((table: string, options: { wait?: boolean }) => reindex(tools, table, options));
  search
    .command('verify <table>')
    .description('compare a table with its index, both ways')
    .option('--repair', 'write what differs anew')
    .option('--json', 'print what the API answers')
    .action((table: string, options: VerifyOptions) => verify(tools, table, options));
  addDemo(search, tools);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function mappingPath(table: string): string {
  return `/v1/search-sync/mappings/${encodeURIComponent(table)}`;
}

const list = (text: string | undefined): string[] | undefined => text?.split(/\s*,\s*/).filter((item) => item !== '');

async function attach(tools: CommandTools, table: string, options: AttachOptions): Promise<void> {
  const { index, id, where, sql, dependency, target } = options;
  const body = {
    index,
    id: list(id),
    where,
    columns: list(options.columns),
    sql: sql === undefined ? undefined : readSql(tools, sql),
    dependencies: dependency,
    suggest: list(options.suggest),
    target: list(target),
  };
  const answer = await tools.api().request('PUT', mappingPath(table), JSON.stringify(body));
  if (options.json) return say(JSON.stringify(answer.body));
  for (const line of (answer.body.said as string[] | undefined) ?? []) say(line);
  say(`${table} is mirrored to ${index}; tem search status says how far its load is`);
}

function readSql(tools: CommandTools, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw tools.failure('usage', `${path} can't be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

async function status(tools: CommandTools, { json }: { json?: boolean }): Promise<void> {
  const client = tools.api();
  const get = async (path: string) => (await client.request('GET', path)).body;
  const [connection, stats, health, mappings] = [
    await get('/v1/search-sync/test-connection'),
    await get('/v1/search-sync/queue/stats'),
    await get('/v1/search-sync/queue/health'),
    await get('/v1/search-sync/mappings'),
  ];
  if (json) return say(JSON.stringify({ connection, stats, health, ...mappings }));
  say(
    connection.ok
      ? `target    ${connection.product} ${connection.version}, ${connection.latencyMs} ms`
      : `target    ${connection.detail}`,
  );
  say(
    `queue     ${health.status}: ${stats.pending} pending, ${stats.processing} processing, ${stats.failed} failed, ${stats.completed} completed`,
  );
  for (const [at, issue] of (health.issues as string[]).entries())
    say(`          ${issue}: ${(health.recommendations as string[])[at]}`);
  for (const { table, index, indices } of mappings.mappings as {
    table: string;
    index: string;
    indices: LoadAnswer[];
  }[]) {
    say(`table     ${table} -> ${index}`);
    for (const load of indices) say(`          ${loadLine(load)}`);
  }
}

interface LoadAnswer {
  id: string;
  index: string;
  target: string;
  state: string;
  loaded: number;
  total: number | null;
  error: string | null;
}

function loadLine({ id, index, target, state, loaded, total, error }: LoadAnswer): string {
  const progress = state === 'loading' ? `, ${loaded} of ${total ?? '?'} loaded` : '';
  return `${index} on ${target}: ${state}${progress}${error ? ` (${error})` : ''}, reindex ${id}`;
}

async function reindex(tools: CommandTools, table: string, { wait }: { wait?: boolean }): Promise<void> {
  const client = tools.api();
  const started = await client.request('POST', '/v1/search-sync/reindex', JSON.stringify({ table }));
  const { id } = started.body as unknown as LoadAnswer;
  for (;;) {
    const load = (await client.request('GET', `/v1/search-sync/reindex/${id}`)).body as unknown as LoadAnswer;
    if (!wait || load.state !== 'loading') {
      say(loadLine(load));
      if (wait && load.state !== 'live') throw tools.failure('failed', `the reindex ended ${load.state}`);
      return;
    }
    await pause(WATCH_EVERY_MS);
  }
}

interface VerifyOptions {
  repair?: boolean;
  json?: boolean;
}

async function verify(tools: CommandTools, table: string, { repair, json }: VerifyOptions): Promise<void> {
  const client = tools.api();
  const records: unknown[] = [];
  let found: Record<string, unknown> = {};
  // A large table is compared in parts; each answer has the counts of all until there.
  for (let cursor: unknown; cursor !== null; cursor = found.nextCursor) {
    const part = { withinSeconds: PART_SECONDS, ...(cursor !== undefined && { cursor }) };
    const body = JSON.stringify({ table, ...(repair && { repair }), ...part });
    found = (await client.request('POST', '/v1/search-sync/verify', body)).body;
    records.push(...(found.records as unknown[]));
  }
  found = { ...found, records: records.slice(0, RECORDS_NAMED_MAX) };
  const differs = Number(found.missing) + Number(found.stale) + Number(found.extra);
  if (json) say(JSON.stringify(found));
  else {
    say(
      `${found.checked} checked: ${found.missing} missing, ${found.stale} stale, ${found.extra} extra, ${found.repaired} to be repaired`,
    );
    for (const { id, difference } of found.records as { id: string; difference: string }[])
      say(`  ${difference} ${id}`);
  }
  if (differs > 0 && !repair)
    throw tools.failure('failed', `${table} and its index differ; --repair writes the records anew`);
}
