// What the naive design runs on: its own Postgres and its own Temporal development server with a database file, from the
// same programs as TEM's, with the server's default flags or with those that are known to help.

import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { freePort, isPortAnswering } from '../../src/services/ports.ts';
import { startPostgres } from '../../src/services/postgres.ts';
import { startProcess } from '../../src/services/processes.ts';
import { findTemporalBinary } from '../../src/services/temporal-binary.ts';
import { endWithBench } from '../processes.ts';

export type Flags = 'default flags' | 'tuned flags';

export interface NaiveServers {
  address: string;
  databaseUrl: string;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/** Starts both and resolves when the default namespace is usable. */
export async function startNaiveServers(folder: string, flags: Flags): Promise<NaiveServers> {
  const home = join(folder, `naive-${performance.now().toFixed(0)}`);
  mkdirSync(home, { recursive: true });
  const { signal } = new AbortController();
  const say = (): void => {};
  const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tem');
  const binary = await findTemporalBinary({ cacheFolder, say, signal });
  const postgres = await startPostgres({ home, port: 0, say, signal });
  const ended = [endWithBench(postgres.identity.pid, 'SIGINT')];
  const port = await freePort(0);
  const uiPort = await freePort(0, [port]);
  const tuned = flags === 'tuned flags';
  const pragmas = tuned ? ['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=1'] : [];
  const temporal = await startProcess({
    name: 'the naive Temporal',
    command: binary,
    args: [
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--ui-port',
      String(uiPort),
      '--db-filename',
      join(home, 'temporal.db'),
      ...pragmas,
    ],
    env: { ...process.env, ...(tuned && { GOGC: '400' }) },
    logPath: join(home, 'temporal.log'),
    stopSignal: 'SIGTERM',
  });
  ended.push(endWithBench(temporal.identity.pid, 'SIGTERM'));
  const stop = async (): Promise<void> => {
    await Promise.all([temporal.stop(), postgres.stop()]);
    for (const end of ended) end();
  };
  try {
    await untilUsable(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address: `127.0.0.1:${port}`,
    databaseUrl: postgres.databaseUrl,
    stop,
  };
}

async function untilUsable(port: number): Promise<void> {
  const giveUpAt = performance.now() + READY_TIMEOUT_MS;
  while (!(await isPortAnswering(port))) {
    if (performance.now() > giveUpAt) throw new Error(`no Temporal on port ${port} after ${READY_TIMEOUT_MS} ms`);
    await delay(POLL_MS);
  }
  // Lazy: it listens before it serves.
  const connection = Connection.lazy({ address: `127.0.0.1:${port}` });
  try {
    for (;;) {
      const found = await connection.workflowService.describeNamespace({ namespace: 'default' }).catch(() => undefined);
      if (found) return;
      if (performance.now() > giveUpAt) throw new Error(`no namespace after ${READY_TIMEOUT_MS} ms`);
      await delay(POLL_MS);
    }
  } finally {
    await connection.close();
  }
}
