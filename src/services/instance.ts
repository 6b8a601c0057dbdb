// TEM_HOME/instance.json: what the supervisor of this home runs, so that other commands find it and the next start can
// clear away what a killed supervisor left behind.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError } from '../config.ts';
import { isAlive, type ProcessIdentity } from './processes.ts';

/** Another supervisor runs on this TEM_HOME. */
export class AlreadyRunning extends ConfigError {}

export interface Instance {
  /** `tem up` or `tem services`. */
  command: string;
  supervisor: ProcessIdentity;
  /** Services and children by name. */
  processes: Record<string, ProcessIdentity>;
  databaseUrl: string;
  temporalAddress: string;
  temporalNamespace: string;
  /** Empty when Temporal is not embedded. */
  temporalCli: string;
  temporalUiUrl: string;
  /** Empty until the API answers. */
  apiUrl: string;
  /** The port on loopback that `tem up` lets demonstrations listen on, and the API and the worker call; 0: none. */
  demoPort: number;
}

/** What was written last for this home, whether it still runs or not. */
export function readInstance(home: string): Instance | undefined {
  try {
    return JSON.parse(readFileSync(join(home, 'instance.json'), 'utf8')) as Instance;
  } catch {
    return undefined;
  }
}

/** The instance of this home when its supervisor is alive. */
export function runningInstance(home: string | undefined): Instance | undefined {
  if (home === undefined) return undefined;
  const instance = readInstance(home);
  return instance && isAlive(instance.supervisor) ? instance : undefined;
}

/** Replaces the state in one step; it holds a password, so only its owner can read it. */
export function writeInstance(home: string, instance: Instance): void {
  const path = join(home, 'instance.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(instance, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Forgets the state when everything in it has stopped. */
export function removeInstance(home: string): void {
  rmSync(join(home, 'instance.json'), { force: true });
}

/** The configuration with the addresses that the environment doesn't give taken from the running instance. */
export function withRunningInstance(config: Config): Config {
  const instance = runningInstance(config.home);
  return instance ? withAddresses(config, instance) : config;
}

/** The configuration with what it lacks taken from an instance. */
export function withAddresses(config: Config, instance: Instance): Config {
  // TLS and API keys are meant for a server that the environment names, and the embedded one has neither.
  const embedded = {
    address: instance.temporalAddress || undefined,
    namespace: instance.temporalNamespace,
    tls: undefined,
    apiKey: undefined,
    metadata: undefined,
  };
  return {
    ...config,
    databaseUrl: config.databaseUrl ?? (instance.databaseUrl || undefined),
    temporal: config.temporal.address === undefined ? embedded : config.temporal,
  };
}
