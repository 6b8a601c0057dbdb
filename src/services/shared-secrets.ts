// Says when this process signs with other secrets than the other processes of its ledger.

import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Finding } from '../core/health/finding.ts';
import { createPool } from '../core/ledger/pool.ts';
import { differingSecrets, differingSecretsMessage, noteSecrets, type Secrets } from '../core/ledger/secrets.ts';
import { withKeptKeys } from './keys.ts';

/** Notes the secrets of a process that has started, and warns in its log. Never rejects: nothing depends on it. */
export async function announceSecrets(config: Config, log: Logger): Promise<void> {
  const pool = createPool(config.databaseUrl as string, { max: 1, applicationName: 'tem secrets' });
  try {
    const names = await noteSecrets(pool, secretsOf(config));
    if (names.length > 0) log.warn({ settings: names }, differingSecretsMessage(names));
  } catch (error) {
    log.warn({ error: (error as Error).message }, "this process's secrets could not be compared with those of others");
  } finally {
    await pool.end();
  }
}

/** Nothing while this machine has no secrets yet. */
export async function secretsFindings(
  pool: Parameters<typeof differingSecrets>[0],
  config: Config,
): Promise<Finding[]> {
  const secrets = secretsOf(withKeptKeys(config));
  if (Object.keys(secrets).length === 0) return [];
  const names = await differingSecrets(pool, secrets);
  return [
    names.length === 0
      ? { name: 'secrets', ok: true, detail: 'those of this machine are those of the ledger' }
      : { name: 'secrets', ok: false, detail: differingSecretsMessage(names) },
  ];
}

function secretsOf({ userTokenSecret, secrets }: Config): Secrets {
  return {
    ...(userTokenSecret !== undefined && { TEM_USER_TOKEN_SECRET: [userTokenSecret] }),
    ...Object.fromEntries(Object.entries(secrets).filter(([, values]) => values.length > 0)),
  };
}
