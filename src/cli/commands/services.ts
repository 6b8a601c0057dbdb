// `tem services`: only the embedded Postgres and Temporal, migrated, for programs that run beside them.

import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import type { RunningServices } from '../../services/index.ts';
import { examples } from '../examples.ts';
import { serviceStopSignal, tellReady, untilAborted } from '../stopping.ts';

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
      const signal = serviceStopSignal();
      const given = readConfig(process.env);
      const { migrateDatabase } = await import('../reach.ts');
      const { startServices } = await import('../../services/index.ts');
      const { withProgress } = await import('../../services/progress.ts');
      let services: RunningServices | undefined;
      try {
        services = await startServices(given, 'tem services', say, signal);
        const { databaseUrl, temporal } = services.config;
        await migrateDatabase(databaseUrl as string, given, say);
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
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        await withProgress(
          say,
          'Stopping',
          () => 'waiting for the services',
          async () => services?.stop(),
        );
      }
    });
}
