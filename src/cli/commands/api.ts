// `tem api`: one API process on the database and the Temporal that are given or run here.

import type { Command } from 'commander';
import { ConfigError } from '../../config.ts';
import { portProblem } from '../../services/ports.ts';
import { announceSecrets } from '../../services/shared-secrets.ts';
import { servingConfig } from '../connected-config.ts';
import { watchEventLoop } from '../event-loop-watch.ts';
import { examples } from '../examples.ts';
import { createLog } from '../log.ts';
import { serviceStopSignal, tellReady, untilAborted } from '../stopping.ts';

export function addApi(program: Command): void {
  program
    .command('api')
    .description('run one API process until SIGTERM')
    .addHelpText(
      'after',
      examples(['tem api', 'DATABASE_URL=postgres://... TEMPORAL_ADDRESS=temporal:7233 TEM_PORT=8080 tem api']),
    )
    .action(async () => {
      const signal = serviceStopSignal(() => process.exit(1));
      const config = servingConfig(process.env);
      const { host, port } = config.api;
      const problem = await portProblem(port, host);
      if (problem) throw new ConfigError(`TEM_PORT: port ${port} on ${host} ${problem}; set another one`);
      const { startApi } = await import('../../api/server.ts');
      const log = await createLog(config, 'api');
      const { endOnStrayFailures } = await import('../stray-failures.ts');
      endOnStrayFailures(log);
      // Before anybody's modules are loaded: one of them may block at its top.
      const watch = watchEventLoop('api', config.eventLoopTimeoutMs, log);
      const api = await startApi(config, log);
      watch.started();
      tellReady({ url: api.url });
      void announceSecrets(config, log);
      await untilAborted(signal);
      await api.stop();
    });
}
