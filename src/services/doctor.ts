// `tem doctor`: everything that keeps TEM from running, in words. Each check is on its own, so that one that fails hides
// none of the others, except those that can't be asked then.

import { pino } from 'pino';
import type { Config } from '../config.ts';
import { alertFindings } from '../core/alerts/index.ts';
import { checkDurations, checkFlows } from '../core/health/events.ts';
import { featureHealth } from '../core/health/features.ts';
import type { Finding } from '../core/health/finding.ts';
import { ledgerFindings } from '../core/health/ledger.ts';
import { checkSchedules } from '../core/health/schedules.ts';
import { checkTemporal } from '../core/health/temporal.ts';
import { checkPolling, checkWorkers } from '../core/health/workers.ts';
import { hostUrl } from '../core/host-url.ts';
import { createPool } from '../core/ledger/pool.ts';
import { createOutbound } from '../core/outbound/index.ts';
import { temporalConnectionOptions } from '../core/temporal.ts';
import { features } from '../features.ts';
import { type Instance, runningInstance } from './instance.ts';
import { portProblem } from './ports.ts';
import { secretsFindings } from './shared-secrets.ts';

const NODE_MAJOR_MIN = 20;
const NODE_MINOR_MIN = 19;
const POOL_SIZE = 3;
const API_ANSWER_WITHIN_MS = 3_000;
const RESIDENT = /^(tem_worker_)?process_resident_memory_bytes (\d+)/gm;

/** All findings for a configuration; `nodeVersion` such as `20.19.0`. Never rejects. */
export async function diagnose(config: Config, nodeVersion: string): Promise<Finding[]> {
  const instance = runningInstance(config.home);
  return [
    nodeFinding(nodeVersion),
    ...(await databaseFindings(config)),
    config.temporal.address === undefined
      ? { name: 'temporal', ok: false, detail: notRunning('TEMPORAL_ADDRESS', config) }
      : await checkTemporal(temporalConnectionOptions(config), config.temporal.namespace),
    await portFinding(config, instance),
    ...(await apiFindings(apiUrl(config, instance))),
    ...(await memoryFindings(apiUrl(config, instance))),
  ];
}

async function databaseFindings(config: Config): Promise<Finding[]> {
  const { databaseUrl } = config;
  if (databaseUrl === undefined) return [{ name: 'database', ok: false, detail: notRunning('DATABASE_URL', config) }];
  const pool = createPool(databaseUrl, { max: POOL_SIZE, applicationName: 'tem doctor' });
  const outbound = createOutbound({ allow: config.outboundAllow });
  try {
    const findings = await ledgerFindings(pool, Date.now);
    const migrated = findings.some(({ name, ok }) => name === 'migrations' && ok);
    if (!migrated) return findings;
    const temporal = temporalOf(config);
    const polling = temporal && (await checkPolling(pool, temporal));
    return [
      ...findings,
      await checkWorkers(pool, temporal),
      ...(polling ? [polling] : []),
      ...(await secretsFindings(pool, config)),
      ...(await alertFindings(pool)),
      await checkSchedules(pool),
      await checkFlows(pool),
      await checkDurations(pool),
      ...(await featureHealth(features, { config, pool, outbound, log: pino({ level: 'silent' }) })()),
    ];
  } catch (error) {
    return [{ name: 'database', ok: false, detail: (error as Error).message }];
  } finally {
    await outbound.close();
    await pool.end();
  }
}

function temporalOf(config: Config): Parameters<typeof checkWorkers>[1] {
  if (config.temporal.address === undefined) return undefined;
  return { options: temporalConnectionOptions(config), namespace: config.temporal.namespace };
}

function notRunning(variable: string, { home }: Config): string {
  return `${variable} is not set, and no embedded default runs on ${home}: set it, or start 'tem up'`;
}

function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > NODE_MAJOR_MIN || (major === NODE_MAJOR_MIN && minor >= NODE_MINOR_MIN);
  const detail = ok
    ? `Node ${version}`
    : `Node ${version} is too old: TEM needs ${NODE_MAJOR_MIN}.${NODE_MINOR_MIN} or later`;
  return { name: 'node', ok, detail };
}

function apiUrl({ api }: Config, instance: Instance | undefined): string {
  return instance?.apiUrl || (api.url ?? hostUrl(api.host, api.port));
}

/** What the API itself misses: it may have been given another database than this process. Nothing when none answers. */
async function apiFindings(url: string): Promise<Finding[]> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(API_ANSWER_WITHIN_MS) });
    const { missing, details } = (await response.json()) as { missing?: string[]; details?: Record<string, string> };
    if (!Array.isArray(missing)) return [];
    const words = missing.map((name) => details?.[name] ?? name).join('; ');
    return [
      { name: 'api', ok: missing.length === 0, detail: words ? `${url} is not ready: ${words}` : `${url} is ready` },
    ];
  } catch {
    return [];
  }
}

/** What the API says of its own memory and of the workers' whose figures it hands on. Nothing when none answers. */
async function memoryFindings(url: string): Promise<Finding[]> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(API_ANSWER_WITHIN_MS) });
    const held = [...(await response.text()).matchAll(RESIDENT)].map(
      ([, worker, bytes]) =>
        `${worker === undefined ? 'the API' : 'a worker'} holds ${Math.round(Number(bytes) / 1e6)} MB`,
    );
    return held.length === 0 ? [] : [{ name: 'memory', ok: true, detail: held.join(', ') }];
  } catch {
    return [];
  }
}

/** The API's port: ours when an API answers there, free when one can be started, else somebody else's. */
async function portFinding(config: Config, instance: Instance | undefined): Promise<Finding> {
  const name = 'port';
  if (instance?.apiUrl) {
    const answers = await isTemApi(instance.apiUrl);
    return {
      name,
      ok: answers,
      detail: answers
        ? `the API answers at ${instance.apiUrl}`
        : `the API at ${instance.apiUrl} does not answer: see ${config.home}/logs/api.log`,
    };
  }
  const { host, port } = config.api;
  const url = apiUrl(config, instance);
  if (await isTemApi(url)) return { name, ok: true, detail: `an API of TEM answers at ${url}` };
  const problem = await portProblem(port, host);
  if (problem === undefined) return { name, ok: true, detail: `port ${port} on ${host} is free for the API` };
  return { name, ok: false, detail: `port ${port} on ${host} ${problem}, not TEM's API: set TEM_PORT to another one` };
}

async function isTemApi(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/openapi.json`, { signal: AbortSignal.timeout(API_ANSWER_WITHIN_MS) });
    const { paths } = (await response.json()) as { paths?: Record<string, unknown> };
    return paths !== undefined && '/v1/events' in paths;
  } catch {
    return false;
  }
}
