// `tem env`: the addresses and keys of this TEM as lines for a shell. It exits 0 only when the database is migrated and
// Temporal answers, so that scripts can wait for it.

import type { Command } from 'commander';
import type { Config } from '../../config.ts';
import { runningInstance } from '../../services/instance.ts';
import { servingConfig } from '../connected-config.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT, EXIT_HELP } from '../exit-codes.ts';

const POOL_SIZE = 2;
const NEEDED = ['database', 'migrations', 'writable'];

export function addEnv(program: Command): void {
  program
    .command('env')
    .description('print the addresses and keys of the running TEM as shell lines; exits 0 only when it is usable')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(['eval "$(tem env)"', 'until env=$(tem env); do sleep 1; done; eval "$env"', 'tem env --json']) +
        EXIT_HELP,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const config = servingConfig(process.env);
      await checkUsable(config);
      const instance = runningInstance(config.home);
      const values = {
        DATABASE_URL: config.databaseUrl as string,
        TEMPORAL_ADDRESS: config.temporal.address as string,
        TEMPORAL_NAMESPACE: config.temporal.namespace,
        TEMPORAL_CLI: instance?.temporalCli ?? '',
        TEM_API_URL: config.api.url ?? instance?.apiUrl ?? '',
        TEM_ADMIN_KEY: config.adminKey as string,
        TEM_USER_TOKEN_SECRET: config.userTokenSecret as string,
        ...Object.fromEntries(Object.entries(config.secrets).map(([name, values]) => [name, values.join(' ')])),
      };
      const lines = Object.entries(values)
        .filter(([, value]) => value !== '')
        .map(([name, value]) => `export ${name}=${quote(value)}`);
      process.stdout.write(json ? `${JSON.stringify(values)}\n` : `${lines.join('\n')}\n`);
    });
}

/** Rejects with what is wrong when the database isn't there and migrated, or Temporal doesn't answer. */
async function checkUsable(config: Config): Promise<void> {
  const { ledgerFindings } = await import('../../core/health/ledger.ts');
  const { checkTemporal } = await import('../../core/health/temporal.ts');
  const { createPool } = await import('../../core/ledger/pool.ts');
  const { temporalConnectionOptions } = await import('../../core/temporal.ts');
  const pool = createPool(config.databaseUrl as string, { max: POOL_SIZE, applicationName: 'tem env' });
  try {
    const [ledger, temporal] = await Promise.all([
      ledgerFindings(pool, Date.now),
      checkTemporal(temporalConnectionOptions(config), config.temporal.namespace),
    ]);
    // The rest, such as a clock that is away, is for tem doctor to say.
    const wrong = [...ledger.filter(({ name }) => NEEDED.includes(name)), temporal].filter(({ ok }) => !ok);
    if (wrong.length > 0) throw new CommandError(EXIT.unreachable, wrong.map(({ detail }) => detail).join('\n'));
  } finally {
    await pool.end();
  }
}

/** In single quotes nothing means anything to a shell, except the quote itself. */
function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
