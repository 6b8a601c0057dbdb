// What the commands of features get of `tem`: features are loaded by the configuration, so they can't import it or what is
// built on it.

import { type Config, readConfig } from '../config.ts';
import type { CommandTools } from '../core/feature.ts';
import { runningInstance } from '../services/instance.ts';
import { createApiClient } from './api-client.ts';
import { examples } from './examples.ts';
import { CommandError, EXIT, EXIT_HELP } from './exit-codes.ts';

export const commandTools: CommandTools = {
  config: () => readConfig(process.env),
  api: () => createApiClient(readConfig(process.env)),
  demoPort: () => demoPort(readConfig(process.env)),
  failure: (kind, message) => new CommandError(EXIT[kind], message),
  helpEnd: (lines) => examples(lines) + EXIT_HELP,
};

/** An API that the environment names may run elsewhere, where this machine's ports say nothing. */
function demoPort({ home, api }: Config): number | undefined {
  const instance = runningInstance(home);
  return instance && (api.url === undefined || api.url === instance.apiUrl)
    ? instance.demoPort || undefined
    : undefined;
}
