// The secrets of the embedded default: made at the first start, kept in TEM_HOME with mode 0600. What the environment
// says comes before them.

import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError, homeOf, madeSecrets } from '../config.ts';
import { makeFolder } from '../core/folder.ts';

interface Keys {
  adminKey: string;
  userTokenSecret: string;
  /** Of the features, by their setting's name. */
  secrets: Record<string, string>;
}

/** The configuration with every secret present; makes and keeps those that the environment doesn't give. */
export function withKeys(config: Config): Config {
  const { adminKey, userTokenSecret, secrets } = config;
  const isComplete = adminKey && userTokenSecret && Object.values(secrets).every(({ length }) => length > 0);
  return isComplete ? config : completed(config, readOrMakeKeys(homeOf(config)));
}

/** The same without making any: what this home doesn't keep stays absent. */
export function withKeptKeys(config: Config): Config {
  const keys = config.home === undefined ? undefined : readKeys(join(config.home, 'keys.json'));
  return keys ? completed(config, keys) : config;
}

function completed(config: Config, keys: Keys): Config {
  return {
    ...config,
    adminKey: config.adminKey ?? keys.adminKey,
    userTokenSecret: config.userTokenSecret ?? keys.userTokenSecret,
    secrets: Object.fromEntries(
      Object.entries(config.secrets).map(([name, given]) => {
        const kept = keys.secrets[name];
        return [name, given.length > 0 || kept === undefined ? given : [kept]];
      }),
    ),
  };
}

function readOrMakeKeys(home: string): Keys {
  const path = join(home, 'keys.json');
  try {
    makeFolder(home);
    const keys = readKeys(path) ?? makeKeys(path);
    return lacking(keys).length === 0 ? keys : addSecrets(path, keys);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`TEM_HOME: the keys can't be kept in ${path} (${(error as Error).message})`);
  }
}

function readKeys(path: string): Keys | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  try {
    const keys = JSON.parse(text) as Partial<Keys>;
    if (keys.adminKey && keys.userTokenSecret && keys.secrets) return keys as Keys;
  } catch {
    // Said below, like a file that lacks one.
  }
  throw new ConfigError(`${path} is damaged: restore it, or delete it to have new keys made`);
}

function makeKeys(path: string): Keys {
  const keys: Keys = {
    adminKey: `tem_${randomBytes(24).toString('base64url')}`,
    userTokenSecret: randomBytes(48).toString('base64url'),
    secrets: Object.fromEntries(Object.entries(madeSecrets()).map(([name, { make }]) => [name, make()])),
  };
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  try {
    // A link never replaces what another process made at the same moment.
    linkSync(draft, path);
    return keys;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readKeys(path) as Keys;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Secrets of features that came after this file. */
function lacking(keys: Keys): string[] {
  return Object.keys(madeSecrets()).filter((name) => keys.secrets[name] === undefined);
}

/** Makes what is lacking. `tem up` has done so before its API and worker ask. */
function addSecrets(path: string, keys: Keys): Keys {
  const made = madeSecrets();
  const added = Object.fromEntries(lacking(keys).map((name) => [name, made[name]?.make() as string]));
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${JSON.stringify({ ...keys, secrets: { ...keys.secrets, ...added } }, null, 2)}\n`, {
    mode: 0o600,
  });
  renameSync(draft, path);
  return readKeys(path) as Keys;
}

/** The admin key that this home keeps, for commands that only use one; undefined when none was made yet. */
export function keptAdminKey(home: string | undefined): string | undefined {
  if (home === undefined) return undefined;
  try {
    return readKeys(join(home, 'keys.json'))?.adminKey;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES')
      throw new ConfigError(`${join(home, 'keys.json')} belongs to another user`);
    throw error;
  }
}
