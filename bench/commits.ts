// Commits a second of one statement from many connections, by pgbench when this machine has it (it takes less of the
// processors than Node does), else by a program of our own.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startProgram } from './processes.ts';

// A new connection reads the catalogs, compiles functions and plans its first calls anew, which an application's have done.
const WARM_UP_SECONDS = 1;

export interface CommitLoad {
  databaseUrl: string;
  statement: string;
  connections: number;
  /** After a second to warm up, which isn't counted. */
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
  const { stdout, stderr } = await promisify(execFile)(
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
      String(WARM_UP_SECONDS + seconds),
      '-P',
      '1',
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
  const reports = [...stderr.matchAll(/^progress: ([\d.]+) s, ([\d.]+) tps/gm)].map(([, at, tps]) => ({
    at: Number(at),
    tps: Number(tps),
  }));
  const first = reports[0]?.at ?? 0;
  const last = reports.at(-1)?.at ?? 0;
  if (failed > 0 || last <= first) throw new Error(`pgbench: ${stdout}${stderr}`);
  const commits = reports.slice(1).reduce((sum, { at, tps }, index) => sum + tps * (at - (reports[index]?.at ?? 0)), 0);
  return commits / (last - first);
}

async function byNode({ databaseUrl, statement, connections, seconds, folder }: CommitLoad): Promise<number> {
  const program = startProgram(
    new URL('./load/commits.ts', import.meta.url),
    { databaseUrl, statement, connections, warmUpSeconds: WARM_UP_SECONDS, seconds },
    join(folder, 'commits.log'),
  );
  const { perSecond } = await program.result;
  return Number(perSecond);
}
