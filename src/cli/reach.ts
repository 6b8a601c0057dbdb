// What a person reads when an address of the environment leads nowhere: often one that `tem env` printed for an instance
// that has ended since, and that keeps the embedded default from starting.

import type { Config } from '../config.ts';
import { checkTemporal } from '../core/health/temporal.ts';
import { migrate } from '../core/ledger/migrate.ts';
import { temporalConnectionOptions } from '../core/temporal.ts';
import type { Say } from '../services/progress.ts';
import { CommandError, EXIT, exitCodeOf, messageOf } from './exit-codes.ts';

/** Migrates; `given` is the environment's own configuration. Throws a CommandError in words for a database that is away. */
export async function migrateDatabase(databaseUrl: string, given: Config, say: Say): Promise<string[]> {
  try {
    return await migrate(databaseUrl, say);
  } catch (error) {
    if (given.databaseUrl === undefined || exitCodeOf(error) !== EXIT.unreachable) throw error;
    const { host, pathname } = new URL(databaseUrl);
    throw new CommandError(
      EXIT.unreachable,
      `DATABASE_URL is set, to ${host}${pathname}, and that can't be used (${messageOf(error)}): start or correct it, or unset it to use the embedded one`,
    );
  }
}

/** Throws a CommandError in words when the environment names a Temporal that can't be used. */
export async function checkGivenTemporal(given: Config): Promise<void> {
  if (given.temporal.address === undefined) return;
  const { ok, detail } = await checkTemporal(temporalConnectionOptions(given), given.temporal.namespace);
  if (!ok)
    throw new CommandError(
      EXIT.unreachable,
      `TEMPORAL_ADDRESS is set: ${detail}; start or correct it, or unset it to use the embedded one`,
    );
}
