// `tem up`: everything in one terminal.

import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { EXIT_HELP } from '../exit-codes.ts';

export function addUp(program: Command): void {
  program
    .command('up')
    .description('start everything: Postgres, Temporal, API and worker (what npm start runs), until Ctrl-C')
    .addHelpText(
      'after',
      examples([
        'tem up',
        'TEM_PORT=8080 TEM_HOME=/srv/tem tem up',
        'DATABASE_URL=postgres://... TEMPORAL_ADDRESS=... tem up',
      ]) + EXIT_HELP,
    )
    .action(async () => {
      const { runUp } = await import('../supervise.ts');
      await runUp(process.env);
    });
}
