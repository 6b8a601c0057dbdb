// What `tem up` does: starts the services, migrates, runs the API and a worker as children, shows what
// happens, and stops all of it on Ctrl-C.

import { join } from 'node:path';
import { type Config, ConfigError, homeOf, readConfig } from '../config.ts';
import { hostUrl } from '../core/host-url.ts';
import { childEnvironment, killChild, startChild, workerStopGraceMs } from '../services/children.ts';
import { type RunningServices, startServices } from '../services/index.ts';
import { type KeptService, keepRunning } from '../services/keep-running.ts';
import { freePort, isPortFree, PortTaken, portProblem, startOnFreePorts } from '../services/ports.ts';
import type { ServiceProcess } from '../services/processes.ts';
import { type Say, withProgress } from '../services/progress.ts';
import { isLoopback } from '../settings.ts';
import { addExampleSchedule } from './example-schedule.ts';
import { startLiveLine } from './live-line.ts';
import { checkGivenTemporal, migrateDatabase } from './reach.ts';
import { serviceStopSignal, tellReady, untilAborted } from './stopping.ts';

const API_STOPS_WITHIN_MS = 30_000;
const LOOPBACK = '127.0.0.1';
/** Tried first, and the next ones: nothing that is well known listens there. */
const DEMO_PORT = 31_920;

/** Runs until a signal; throws when the start fails, with nothing left running. */
export async function runUp(environment: NodeJS.ProcessEnv): Promise<void> {
  const programs = new Set<ServiceProcess>();
  const signal = serviceStopSignal(() => {
    for (const program of programs) void killChild(program);
  });
  const given = readConfig(environment);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  let services: RunningServices | undefined;
  const kept: KeptService[] = [];
  try {
    services = await startServices(given, 'tem up', say, signal);
    const { config } = services;
    await migrateDatabase(config.databaseUrl as string, given, say);
    await checkGivenTemporal(given);
    await addExampleSchedule(config.databaseUrl as string);
    const env = childEnvironment(config, environment, given.temporal.address === undefined);
    const demoPort = await demoPortFor(config, given);
    if (demoPort !== 0) env.TEM_OUTBOUND_ALLOW = [...config.outboundAllow, `${LOOPBACK}:${demoPort}`].join(' ');
    const apiUrl = await startPrograms({ services, env, say, signal, programs, kept });
    services.noteApiUrl(apiUrl, demoPort);
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
    const waitsFor = (): string => (programs.size > 0 ? 'waiting for attempts under way' : 'waiting for the services');
    await withProgress(say, 'Stopping', waitsFor, async () => {
      await Promise.all(kept.map((service) => service.stop()));
      await services?.stop();
    });
  }
}

interface Programs {
  services: RunningServices;
  env: NodeJS.ProcessEnv;
  say: Say;
  signal: AbortSignal;
  /** Those that run just now. */
  programs: Set<ServiceProcess>;
  /** Gets what must be stopped at the end, also when the start fails. */
  kept: KeptService[];
}

/** Starts the API and a worker; resolves to the API's URL. The first failure ends the start of the other one. */
async function startPrograms({ services, env, say, signal, programs, kept }: Programs): Promise<string> {
  const { config } = services;
  const failing = new AbortController();
  const starting = AbortSignal.any([signal, failing.signal]);
  const startProgram = async (name: 'api' | 'worker', further: NodeJS.ProcessEnv, startSignal: AbortSignal) => {
    const child = await startChild({
      args: [name],
      env: { ...env, ...further },
      logPath: join(homeOf(config), 'logs', `${name}.log`),
      stopGraceMs: name === 'api' ? API_STOPS_WITHIN_MS : workerStopGraceMs(config),
      onSpawn: (identity) => services.note(name, identity),
      say,
      signal: startSignal,
    });
    programs.add(child);
    void child.exited.then(() => programs.delete(child));
    return child;
  };
  const keep = async (words: string, start: (signal: AbortSignal) => Promise<ServiceProcess>): Promise<void> => {
    kept.push(await keepRunning(words, say, starting, start));
  };
  // The API shows the worker's figures beside its own.
  const metricsPort = config.worker.metricsPort ?? (await freePort(0));
  // They have no key of their own, so that only this machine is served.
  const workerMetrics = { TEM_METRICS_PORT: String(metricsPort), TEM_HOST: LOOPBACK };
  const metricsFrom = [`${hostUrl(LOOPBACK, metricsPort)}/metrics`, ...config.metricsFrom].join(' ');
  const webUi = config.temporalUiUrl ?? services.temporalUiUrl;
  const webUiUrl = webUi === '' ? {} : { TEM_TEMPORAL_UI_URL: webUi };
  let apiUrl = '';
  let port: number | undefined;
  const startApi = async (startSignal: AbortSignal): Promise<ServiceProcess> => {
    const { host } = config.api;
    if (port === undefined) await refuseTakenPort(config);
    // One that is started again must be where it was.
    const areFixed = port !== undefined || isPortGiven(config);
    return startOnFreePorts({ ports: [port ?? config.api.port], areFixed, host }, async ([chosen = 0]) => {
      try {
        const child = await startProgram(
          'api',
          { TEM_PORT: String(chosen), TEM_METRICS_FROM: metricsFrom, ...webUiUrl },
          startSignal,
        );
        port = chosen;
        apiUrl = String(child.ready.url);
        return child;
      } catch (error) {
        startSignal.throwIfAborted();
        if (await isPortFree(chosen, host)) throw error;
        throw new PortTaken((error as Error).message);
      }
    });
  };
  let failure: { error: unknown } | undefined;
  const noted = (error: unknown): void => {
    failure ??= { error };
    failing.abort();
  };
  await Promise.all([
    keep('The API', startApi).catch(noted),
    keep('The worker', (startSignal) => startProgram('worker', workerMetrics, startSignal)).catch(noted),
  ]);
  if (failure) throw failure.error;
  return apiUrl;
}

/**
 * The one port of this machine that demonstrations' shops may have. Only who tries TEM out has one, with nothing of one's
 * own behind it and an API for this machine alone; 0 for everybody else.
 */
async function demoPortFor({ api }: Config, given: Config): Promise<number> {
  const isTrial = given.databaseUrl === undefined && given.temporal.address === undefined && isLoopback(api.host);
  return isTrial ? freePort(DEMO_PORT).catch(() => 0) : 0;
}

function isPortGiven({ api }: Config): boolean {
  return api.portGiven && api.port !== 0;
}

async function refuseTakenPort(config: Config): Promise<void> {
  const { host, port } = config.api;
  const problem = isPortGiven(config) ? await portProblem(port, host) : undefined;
  if (problem === undefined) return;
  throw new ConfigError(`TEM_PORT: port ${port} on ${host} ${problem}; set another one, or none to have one chosen`);
}

function welcome(config: Config, services: RunningServices, apiUrl: string): string {
  const body = JSON.stringify({ type: 'notification', payload: { user: 'ada', title: 'Hello', body: 'from TEM' } });
  const lines = [
    '',
    `API          ${apiUrl}`,
    `Console      ${apiUrl}/console`,
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
