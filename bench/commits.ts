// Commits a second of one statement from many connections, by pgbench when this machine has it (it takes less of the
// processors than Node does), else by a program of our own.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startProgram } from './processes.ts';

export interface CommitLoad {
  databaseUrl: string;
  statement: string;
  connections: number;
  seconds: number;
  folder: string;
}

/** The client that is used here, for the notes. */
export async function commitClient(): Promise<'pgbench' | 'Node'> {
  try {
    await promisify(execFile)('pgbench', ['--version']);
    return 'pgbench';
  } catch {
    return 'Node';
  }
}

/** Runs the load for its time and resolves to commits a second. */
export async function commitsPerSecond(client: 'pgbench' | 'Node', load: CommitLoad): Promise<number> {
  return client === 'pgbench' ? byPgbench(load) : byNode(load);
}

async function byPgbench({ databaseUrl, statement, connections, seconds, folder }: CommitLoad): Promise<number> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const script = join(folder, 'statement.sql');
  writeFileSync(script, `${statement};\n`);
  const { stdout } = await promisify(execFile)(
    'pgbench',
    [
      '-n',
      '-M',
      'prepared',
      '-f',
      script,
      '-c',
      String(connections),
      '-j',
      '1',
      '-T',
      String(seconds),
      '-h',
      hostname,
      '-p',
      port,
      '-U',
      username,
      pathname.slice(1),
    ],
    { env: { ...process.env, PGPASSWORD: decodeURIComponent(password) } },
  );
  const failed = Number(/number of failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0);
  const perSecond = Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
  if (failed > 0 || Number.isNaN(perSecond)) throw new Error(`pgbench: ${stdout}`);
  return perSecond;
}

async function byNode({ databaseUrl, statement, connections, seconds, folder }: CommitLoad): Promise<number> {
  const program = startProgram(
    new URL('./load/commits.ts', import.meta.url),
    { databaseUrl, statement, connections, seconds },
    join(folder, 'commits.log'),
  );
  const { perSecond } = await program.result;
  return Number(perSecond);
}
