// What `tem up` does: starts the services, migrates, runs the API and a worker as children, shows what
// happens, and stops all of it on Ctrl-C.

import { join } from 'node:path';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { migrate } from '../core/ledger/migrate.ts';
import { childEnvironment, killChild, startChild } from '../services/children.ts';
import { type RunningServices, startServices } from '../services/index.ts';
import { type KeptService, keepRunning } from '../services/keep-running.ts';
import { freePort, isPortFree } from '../services/ports.ts';
import type { ServiceProcess } from '../services/processes.ts';
import { startLiveLine } from './live-line.ts';
import { stopSignal, tellReady, untilAborted } from './stopping.ts';

/** Runs until a signal; throws when the start fails, with nothing left running. */
export async function runUp(environment: NodeJS.ProcessEnv): Promise<void> {
  const children = new Set<ServiceProcess>();
  const signal = stopSignal(() => {
    for (const child of children) void killChild(child);
  });
  const given = readConfig(environment);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  let services: RunningServices | undefined;
  const kept: KeptService[] = [];
  try {
    services = await startServices(given, 'tem up', say, signal);
    const { config } = services;
    await migrate(config.databaseUrl as string, say);
    const env = {
      ...childEnvironment(config, environment, given.temporal.address === undefined),
      TEM_PORT: String(await apiPort(config)),
    };
    let apiUrl = '';
    const keep = async (name: 'api' | 'worker'): Promise<void> => {
      const service = await keepRunning(
        `The ${name === 'api' ? 'API' : 'worker'}`,
        say,
        signal,
        async (startSignal) => {
          const child = await startChild({
            args: [name],
            env,
            logPath: join(config.home, 'logs', `${name}.log`),
            say,
            signal: startSignal,
          });
          children.add(child);
          void child.exited.then(() => children.delete(child));
          services?.note(name, child.identity);
          if (name === 'api') apiUrl = String(child.ready.url);
          return child;
        },
      );
      kept.push(service);
    };
    const failed = (await Promise.allSettled([keep('api'), keep('worker')])).find(
      ({ status }) => status === 'rejected',
    );
    if (failed?.status === 'rejected') throw failed.reason;
    services.noteApiUrl(apiUrl);
    process.stdout.write(welcome(config, services, apiUrl));
    tellReady({
      apiUrl,
      databaseUrl: config.databaseUrl,
      temporalAddress: config.temporal.address,
      adminKey: config.adminKey,
    });
    const stopLine = startLiveLine({ apiUrl, adminKey: config.adminKey as string, output: process.stdout });
    await untilAborted(signal);
    stopLine();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    if (signal.aborted)
      say('Stopping: attempts finish or are handed back, then the services end. Again ends the attempts at once.');
    await Promise.all(kept.map((service) => service.stop()));
    await services?.stop();
  }
}

async function apiPort(config: Config): Promise<number> {
  const { host, port, portGiven } = config.api;
  if (!portGiven || port === 0) return freePort(port, [], host);
  if (await isPortFree(port, host)) return port;
  throw new ConfigError(
    `TEM_PORT: port ${port} on ${host} is taken by another program; set another one, or none to have one chosen`,
  );
}

function welcome(config: Config, services: RunningServices, apiUrl: string): string {
  const body = JSON.stringify({ type: 'notification', payload: { user: 'ada', title: 'Hello', body: 'from TEM' } });
  const lines = [
    '',
    `API          ${apiUrl}`,
    `Docs         ${apiUrl}/docs`,
    services.temporalUiUrl
      ? `Web UI       ${services.temporalUiUrl}`
      : `Temporal     ${config.temporal.address}, namespace ${config.temporal.namespace}`,
    `Admin key    ${config.adminKey}`,
    `Data, logs   ${config.home}`,
    '',
    'Send an event:',
    '',
    `  curl -sS ${apiUrl}/v1/events -H 'authorization: Bearer ${config.adminKey}' -H 'content-type: application/json' -d '${body}'`,
    '',
    'Ctrl-C stops everything and keeps the data.',
    '',
  ];
  return `${lines.join('\n')}\n`;
}
