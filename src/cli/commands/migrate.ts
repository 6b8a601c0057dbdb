// `tem migrate`: brings the database's schema to what this release expects.

import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { connectedConfig } from '../connected-config.ts';
import { examples } from '../examples.ts';

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the database to the schema of this release; safe to run at the same time, and again')
    .option('--json', 'print {"applied": [...]}')
    .addHelpText('after', examples(['DATABASE_URL=postgres://... tem migrate', 'tem migrate --json']))
    .action(async ({ json }: { json?: boolean }) => {
      const { databaseUrl } = connectedConfig(process.env, ['database']);
      const { migrateDatabase } = await import('../reach.ts');
      const applied = await migrateDatabase(databaseUrl as string, readConfig(process.env), (line) => {
        if (!json) process.stdout.write(`${line}\n`);
      });
      if (json) process.stdout.write(`${JSON.stringify({ applied })}\n`);
    });
}
