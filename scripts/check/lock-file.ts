// Keeps package-lock.json usable everywhere: no registry's address in it, exact versions in package.json, and an entry
// for every platform's optional package. A registry that lacks some platforms makes npm leave those out when it writes
// the file, and then `npm ci` refuses it; with --write the missing entries are added.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Finding } from './finding.ts';

interface LockEntry {
  version?: string;
  resolved?: string;
  optional?: boolean;
  dev?: boolean;
  optionalDependencies?: Record<string, string>;
  os?: string[];
  cpu?: string[];
  libc?: string[];
}

interface Lock {
  packages: Record<string, LockEntry>;
}

const PLATFORM =
  /-(?<os>android|darwin|linux|win32|windows|freebsd)-(?<cpu>arm64|arm|x64|ia32|ppc64|s390x|riscv64)(?:-(?<abi>\w+))?$/;

/** What is wrong with the lock file and with the versions in package.json. */
export function checkLockFile(): Finding[] {
  const lock = readLock();
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >;
  const findings: Finding[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.resolved === undefined) continue;
    findings.push({
      file: 'package-lock.json',
      problem: `${path} names the registry it came from (${new URL(entry.resolved).host})`,
      remedy: 'run `npm install` with the settings of .npmrc, which keep registries out of the file',
    });
  }
  for (const [path] of missingPlatforms(lock)) {
    findings.push({
      file: 'package-lock.json',
      problem: `${path} has no entry, so \`npm ci\` refuses the file`,
      remedy: 'run `npm run format`, which adds it',
    });
  }
  for (const kind of ['dependencies', 'devDependencies']) {
    for (const [name, range] of Object.entries(manifest[kind] ?? {})) {
      if (/^\d+\.\d+\.\d+[\w.-]*$/.test(range)) continue;
      findings.push({
        file: 'package.json',
        problem: `${name} is '${range}', not one version`,
        remedy: `write the version that package-lock.json has, ${lock.packages[`node_modules/${name}`]?.version}`,
      });
    }
  }
  return findings;
}

/** Adds the entries that a registry with few platforms left out. Returns how many. */
export function completeLockFile(): number {
  const lock = readLock();
  const missing = missingPlatforms(lock);
  if (missing.length === 0) return 0;
  const packages = Object.entries({ ...lock.packages, ...Object.fromEntries(missing) });
  const [root, ...rest] = packages as [[string, LockEntry], ...[string, LockEntry][]];
  rest.sort(([one], [other]) => (one < other ? -1 : 1));
  writeFileSync(
    'package-lock.json',
    `${JSON.stringify({ ...lock, packages: Object.fromEntries([root, ...rest]) }, null, 2)}\n`,
  );
  return missing.length;
}

function readLock(): Lock {
  return JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;
}

function missingPlatforms({ packages }: Lock): [string, LockEntry][] {
  return Object.entries(packages).flatMap(([owner, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !(`${owner}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages))
      .flatMap(([name, version]) => {
        const platform = PLATFORM.exec(name)?.groups;
        if (!platform || !/^\d/.test(version)) return [];
        const { os, cpu, abi } = platform;
        // In npm's own order of fields, so that its next write changes nothing.
        const missing: LockEntry = {
          version,
          ...(cpu ? { cpu: [cpu] } : {}),
          ...(entry.dev ? { dev: true } : {}),
          ...(os === 'linux' && abi ? { libc: [abi.startsWith('musl') ? 'musl' : 'glibc'] } : {}),
          optional: true,
          ...(os ? { os: [os === 'windows' ? 'win32' : os] } : {}),
        };
        return [[`node_modules/${name}`, missing] as [string, LockEntry]];
      }),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href && process.argv.includes('--write')) {
  console.log(`package-lock.json: ${completeLockFile()} entries added`);
}
