// `tem services`: only the embedded Postgres and Temporal, migrated, for programs that run beside them.

import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { examples } from '../examples.ts';
import { stopSignal, tellReady, untilAborted } from '../stopping.ts';

export function addServices(program: Command): void {
  program
    .command('services')
    .description('start only the embedded Postgres and Temporal, migrated, until Ctrl-C')
    .option('--json', 'print one JSON object when ready instead of lines')
    .addHelpText(
      'after',
      examples([
        'tem services',
        'tem services & until env=$(tem env); do sleep 1; done; eval "$env"; psql "$DATABASE_URL"',
      ]),
    )
    .action(async ({ json }: { json?: boolean }) => {
      const say = (line: string): void => void process.stderr.write(`${line}\n`);
      const signal = stopSignal();
      const { migrate } = await import('../../core/ledger/migrate.ts');
      const { startServices } = await import('../../services/index.ts');
      const services = await startServices(readConfig(process.env), 'tem services', say, signal);
      try {
        const { databaseUrl, temporal } = services.config;
        await migrate(databaseUrl as string, say);
        const ready = {
          databaseUrl,
          temporalAddress: temporal.address,
          temporalNamespace: temporal.namespace,
          temporalUiUrl: services.temporalUiUrl,
          temporalCli: services.temporalCli,
        };
        const lines = [
          `Database   ${databaseUrl}`,
          `Temporal   ${temporal.address}, namespace ${temporal.namespace}`,
          ...(services.temporalUiUrl ? [`Web UI     ${services.temporalUiUrl}`] : []),
          'Ready. Ctrl-C stops both.',
        ];
        process.stdout.write(json ? `${JSON.stringify(ready)}\n` : `${lines.join('\n')}\n`);
        tellReady(ready);
        await untilAborted(signal);
      } finally {
        await services.stop();
      }
    });
}
