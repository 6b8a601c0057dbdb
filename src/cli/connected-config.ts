// The configuration of a command that needs a database and a Temporal: from the environment, else from the embedded
// default that runs on this TEM_HOME.

import { type Config, ConfigError, readConfig } from '../config.ts';
import { runningInstance, withRunningInstance } from '../services/instance.ts';
import { withKeys } from '../services/keys.ts';
import { CommandError, EXIT } from './exit-codes.ts';

/** The environment, completed by the running instance. Throws in words that say what is missing. */
export function connectedConfig(
  environment: NodeJS.ProcessEnv,
  needs: ('database' | 'temporal')[] = ['database', 'temporal'],
): Config {
  const config = withRunningInstance(readConfig(environment));
  const instance = runningInstance(config.home);
  const { databaseUrl, temporal } = config;
  const missing =
    (needs.includes('database') && databaseUrl === undefined) ||
    (needs.includes('temporal') && temporal.address === undefined);
  if (instance && missing) {
    throw new CommandError(EXIT.unreachable, `${instance.command} is still starting on ${config.home}: try again`);
  }
  const hint = `or start the embedded default ('tem up', or 'tem services'); none runs on ${config.home ?? 'a TEM_HOME, which this user has not set'}`;
  if (needs.includes('database') && config.databaseUrl === undefined)
    throw new ConfigError(`no database: set DATABASE_URL, ${hint}`);
  if (needs.includes('temporal') && config.temporal.address === undefined) {
    throw new ConfigError(`no Temporal: set TEMPORAL_ADDRESS, ${hint}`);
  }
  return config;
}

/** The same with every secret present; those that nobody gave are made and kept in TEM_HOME. */
export function servingConfig(environment: NodeJS.ProcessEnv): Config {
  return withKeys(connectedConfig(environment));
}
