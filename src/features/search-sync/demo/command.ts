// `tem search demo`: an OpenSearch of its own, so that search sync can be tried without installing anything but Java.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { CommandTools } from '../../../core/feature.ts';
import { NoOpenSearch, startOpenSearch } from './opensearch.ts';

const PORT = 9_201;

export function addDemo(search: Command, tools: CommandTools): void {
  search
    .command('demo')
    .description('run an OpenSearch on this machine until Ctrl-C (needs Java 17 and, the first time, Maven)')
    .option('--port <port>', 'its port, 1025 to 9299', String(PORT))
    .action((options: { port: string }) => demo(tools, options));
}

async function demo(tools: CommandTools, { port }: { port: string }): Promise<void> {
  const number = Number(port);
  if (!Number.isInteger(number) || number < 1_025 || number > 9_299) {
    throw tools.failure('usage', `--port must be a whole number from 1025 to 9299, not '${port}'`);
  }
  const { home, cacheFolder } = tools.config();
  if (home === undefined || cacheFolder === undefined) {
    throw tools.failure('usage', 'TEM_HOME: set it to a folder, for OpenSearch and its data');
  }
  const folder = join(home, 'opensearch');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say('Starting OpenSearch');
  const running = await startOpenSearch({ cacheFolder, folder, port: number, say }).catch((error: Error) => {
    throw error instanceof NoOpenSearch ? tools.failure('failed', error.message) : error;
  });
  say(`OpenSearch answers at ${running.url}. In a second terminal:

  TEM_SEARCH_URL=${running.url} npm start

and in a third, with \`eval "$(bin/tem env)"\`:

  psql "$DATABASE_URL" -c "create table listings (id serial primary key, title text, price numeric, status text default 'active')"
  bin/tem search attach listings --index listings --where "status = 'active'"
  psql "$DATABASE_URL" -c "insert into listings (title, price) values ('İstanbul turu', 1299.90)"
  curl ${running.url}/listings/_search?pretty
  bin/tem search verify listings

Ctrl-C stops it; its data stays in ${folder}.`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  await running.stop();
}
