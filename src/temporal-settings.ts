// Temporal's settings: the variables and the file of the Temporal CLI. What would be misread or left out silently is a
// problem line: a connection must not turn out less protected than its settings say.

import { existsSync } from 'node:fs';
import {
  type ClientConfigProfile,
  type ClientConnectConfig,
  loadClientConfigProfile,
  toClientOptions,
} from '@temporalio/envconfig';
import { type Environment, onOff } from './settings.ts';

/** `address` undefined: the embedded Temporal is used. */
export interface TemporalSettings {
  address: string | undefined;
  namespace: string;
  tls: Exclude<ClientConnectConfig['connectionOptions']['tls'], null> | undefined;
  apiKey: string | undefined;
  metadata: Record<string, string> | undefined;
}

const NONE: TemporalSettings = {
  address: undefined,
  namespace: 'default',
  tls: undefined,
  apiKey: undefined,
  metadata: undefined,
};
const FLAGS = ['TEMPORAL_TLS', 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'];

/** Reads the settings; adds a line to `problems` for each that is wrong. */
export function readTemporalSettings(environment: Environment, problems: string[]): TemporalSettings {
  // Compose files and shells pass unset variables as empty ones.
  const given = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => (entry[1]?.trim() ?? '') !== ''),
  );
  const before = problems.length;
  problems.push(...readFlags(given), ...fileProblems(given));
  if (problems.length > before) return NONE;
  const fileIsNamed = given.TEMPORAL_CONFIG_FILE !== undefined || given.TEMPORAL_PROFILE !== undefined;
  try {
    const profile = loadClientConfigProfile({ overrideEnvVars: given, disableFile: !fileIsNamed });
    problems.push(...profileProblems(profile, fileIsNamed));
    const { namespace, connectionOptions } = toClientOptions(profile);
    const { address, tls, apiKey, metadata } = connectionOptions;
    return {
      address,
      namespace: namespace ?? NONE.namespace,
      tls: tls ?? undefined,
      apiKey: typeof apiKey === 'string' ? apiKey : undefined,
      metadata: metadata as Record<string, string> | undefined,
    };
  } catch (error) {
    problems.push(`TEMPORAL_*: ${(error as Error).message}`);
    return NONE;
  }
}

/** Brings the flags into the form that the library takes for more than false. */
function readFlags(given: Record<string, string>): string[] {
  const problems: string[] = [];
  for (const name of FLAGS) {
    try {
      if (given[name] !== undefined) given[name] = String(onOff(given[name].trim()));
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  if (given.TEMPORAL_TLS_DISABLE_HOST_VERIFICATION === 'true') {
    problems.push(
      'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: TEM always verifies the host; say what to expect with TEMPORAL_TLS_SERVER_NAME and TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    );
  }
  return problems;
}

function fileProblems({ TEMPORAL_CONFIG_FILE: path }: Record<string, string>): string[] {
  return path === undefined || existsSync(path) ? [] : [`TEMPORAL_CONFIG_FILE: there is no file ${path}`];
}

function profileProblems({ address, apiKey, tls }: ClientConfigProfile, fileIsNamed: boolean): string[] {
  const problems: string[] = [];
  if (address !== undefined && !/^[^\s/]+:\d{1,5}$/.test(address)) {
    problems.push(`TEMPORAL_ADDRESS: must be host:port such as 127.0.0.1:7233, not '${address}'`);
  }
  if (tls?.clientCert && !tls.clientKey)
    problems.push('TEMPORAL_TLS_CLIENT_CERT_*: needs TEMPORAL_TLS_CLIENT_KEY_PATH or _DATA beside it');
  if (tls?.clientKey && !tls.clientCert)
    problems.push('TEMPORAL_TLS_CLIENT_KEY_*: needs TEMPORAL_TLS_CLIENT_CERT_PATH or _DATA beside it');
  if (address === undefined && (apiKey !== undefined || tls?.clientCert || fileIsNamed)) {
    problems.push(
      'TEMPORAL_ADDRESS: not set, but an API key, a certificate or a configuration file is, and the embedded Temporal takes none: set it, or unset those',
    );
  }
  return problems;
}
