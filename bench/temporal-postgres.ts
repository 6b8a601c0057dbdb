// A Temporal server as one runs it in production, on Postgres: built from source once into the cache, its databases beside
// the ledger in the same Postgres, all its services in one process, default settings.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { freePort, isPortAnswering } from '../src/services/ports.ts';
import { type EmbeddedPostgres, startPostgres } from '../src/services/postgres.ts';
import { logTail, type ServiceProcess, startProcess } from '../src/services/processes.ts';
import { endWithBench } from './processes.ts';

const VERSION = '1.32.1';
const MODULES = {
  server: `go.temporal.io/server/cmd/server@v${VERSION}`,
  sql: `go.temporal.io/server/cmd/tools/sql@v${VERSION}`,
};
const BUILD_TIMEOUT_MS = 1_800_000;
const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 200;
const CALL_TIMEOUT_MS = 5_000;
// Its schema keeps ports in a smallint.
const PORTS_FROM = 17_233;
const SHARDS = 16;
const SERVICES = ['frontend', 'history', 'matching', 'worker'];
const RETENTION_SECONDS = 86_400;

export const TEMPORAL_POSTGRES_VERSION = VERSION;

export interface PostgresTemporal {
  address: string;
  /** A database for the ledger, in the same Postgres. */
  databaseUrl: string;
  processes: { postgres: number; temporal: number };
  stop(): Promise<void>;
}

/** Builds the server if it isn't cached, prepares its databases and starts it with the namespace `default`. */
export async function startPostgresTemporal(folder: string, say: (line: string) => void): Promise<PostgresTemporal> {
  const programs = await buildPrograms(say);
  const home = join(folder, 'temporal-postgres');
  mkdirSync(home, { recursive: true });
  const postgres = await startPostgres({ home, port: 0, say: () => {}, signal: new AbortController().signal });
  const ended = [endWithBench(postgres.identity.pid, 'SIGINT')];
  let server: ServiceProcess | undefined;
  const stop = async (): Promise<void> => {
    await server?.stop();
    await postgres.stop();
    for (const end of ended) end();
  };
  try {
    await createSchemas(programs.sql, postgres);
    const port = await freePort(PORTS_FROM);
    writeFileSync(join(home, 'temporal.yaml'), JSON.stringify(await configuration(postgres, port)));
    const logPath = join(home, 'temporal-server.log');
    server = await startProcess({
      name: 'Temporal on Postgres',
      command: programs.server,
      args: ['--root', home, '--config', '.', '--env', 'temporal', '--allow-no-auth', 'start'],
      logPath,
      stopSignal: 'SIGTERM',
    });
    ended.push(endWithBench(server.identity.pid, 'SIGTERM'));
    await untilUsable(port, server, logPath);
    return {
      address: `127.0.0.1:${port}`,
      databaseUrl: postgres.databaseUrl,
      processes: { postgres: postgres.identity.pid, temporal: server.identity.pid },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function buildPrograms(say: (line: string) => void): Promise<Record<keyof typeof MODULES, string>> {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tem', `temporal-server-${VERSION}`);
  mkdirSync(folder, { recursive: true });
  for (const [name, module] of Object.entries(MODULES)) {
    if (existsSync(join(folder, name))) continue;
    say(`Building Temporal's ${name} ${VERSION} from source with Go: some minutes, once`);
    await promisify(execFile)('go', ['install', '-ldflags=-s -w', module], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '' },
      timeout: BUILD_TIMEOUT_MS,
      maxBuffer: 10_000_000,
    });
  }
  return { server: join(folder, 'server'), sql: join(folder, 'sql') };
}

async function createSchemas(sql: string, { databaseUrl }: EmbeddedPostgres): Promise<void> {
  const { hostname, port, username, password } = new URL(databaseUrl);
  const run = (database: string, ...args: string[]) =>
    promisify(execFile)(sql, [
      '--plugin',
      'postgres12',
      '--ep',
      hostname,
      '--port',
      port,
      '--user',
      username,
      '--password',
      decodeURIComponent(password),
      '--database',
      database,
      ...args,
    ]);
  for (const [database, schema] of [
    ['temporal', 'temporal'],
    ['temporal_visibility', 'visibility'],
  ] as const) {
    await run(database, 'create-database');
    await run(database, 'setup-schema', '--version', '0.0');
    await run(database, 'update-schema', '--schema-name', `postgresql/v12/${schema}`);
  }
}

async function configuration({ databaseUrl }: EmbeddedPostgres, port: number): Promise<Record<string, unknown>> {
  const { host, username, password } = new URL(databaseUrl);
  const store = (databaseName: string) => ({
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: host,
      connectProtocol: 'tcp',
      user: username,
      password: decodeURIComponent(password),
      maxConns: 20,
      maxIdleConns: 20,
      maxConnLifetime: '1h',
    },
  });
  const taken = [port];
  const services: Record<string, unknown> = {};
  for (const name of SERVICES) {
    const grpcPort = name === 'frontend' ? port : await freePort(PORTS_FROM, taken);
    taken.push(grpcPort);
    const membershipPort = await freePort(PORTS_FROM, taken);
    taken.push(membershipPort);
    services[name] = { rpc: { grpcPort, membershipPort, bindOnLocalHost: true } };
  }
  const active = { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: `127.0.0.1:${port}` };
  return {
    log: { stdout: true, level: 'error' },
    persistence: {
      defaultStore: 'default',
      visibilityStore: 'visibility',
      numHistoryShards: SHARDS,
      datastores: { default: store('temporal'), visibility: store('temporal_visibility') },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services,
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: { active },
    },
    dcRedirectionPolicy: { policy: 'noop' },
  };
}

async function untilUsable(port: number, server: ServiceProcess, logPath: string): Promise<void> {
  const giveUpAt = performance.now() + READY_TIMEOUT_MS;
  const alive = (): void => {
    if (server.hasExited())
      throw new Error(`the Temporal server on Postgres ended: ${logTail(logPath, server.logFrom)}`);
    if (performance.now() > giveUpAt)
      throw new Error(`the Temporal server on Postgres is not usable after ${READY_TIMEOUT_MS} ms`);
  };
  while (!(await isPortAnswering(port))) {
    alive();
    await delay(POLL_MS);
  }
  // Lazy: it listens before it serves.
  const connection = Connection.lazy({ address: `127.0.0.1:${port}` });
  const namespace = 'default';
  try {
    for (;;) {
      const workflowExecutionRetentionPeriod = { seconds: RETENTION_SECONDS as never };
      const ready = await connection
        .withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
          connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod }),
        )
        .catch((error: Error) => (/already exists|already registered/i.test(error.message) ? 'there' : undefined));
      // The parts of the server learn of it one after the other; the one for visibility is the last that a start needs.
      if (ready && (await isNamespaceKnown(connection, namespace))) return;
      alive();
      await delay(POLL_MS);
    }
  } finally {
    await connection.close();
  }
}

async function isNamespaceKnown(connection: Connection, namespace: string): Promise<boolean> {
  try {
    await connection.workflowService.countWorkflowExecutions({ namespace, query: '' });
    return true;
  } catch {
    return false;
  }
}
