// Every dependency is used, and docs/decisions/0004-dependencies.md says why it was chosen.

import { readFileSync } from 'node:fs';
import { projectFiles } from './files.ts';
import type { Finding } from './finding.ts';

const RECORD = 'docs/decisions/0004-dependencies.md';
const CODE = /\.(ts|cjs|mjs|js|json)$|^(bin\/|\.ci\/)/;
const NOT_CODE = ['package.json', 'package-lock.json'];

/** Dependencies that nothing uses, or that nobody gave a reason for. */
export function checkDependencies(): Finding[] {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  const code = projectFiles()
    .filter((file) => CODE.test(file) && !NOT_CODE.includes(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const scripts = readFileSync('package.json', 'utf8').split('"dependencies"')[0] ?? '';
  const record = readFileSync(RECORD, 'utf8');
  const names = Object.keys({ ...dependencies, ...devDependencies });
  return [
    ...names
      .filter((name) => !isUsed(name, code, scripts))
      .map((name) => ({ file: 'package.json', problem: `nothing uses ${name}`, remedy: `npm uninstall ${name}` })),
    ...names
      .filter((name) => !name.startsWith('@types/') && !record.includes(familyOf(name)))
      .map((name) => ({
        file: RECORD,
        problem: `says nothing of ${name}`,
        remedy: 'add a row: what for, licence, upkeep, what was rejected',
      })),
  ];
}

function isUsed(name: string, code: string, scripts: string): boolean {
  // Types belong to the package of the same name; commands are started by their short name.
  const wanted = name.startsWith('@types/') ? name.slice('@types/'.length) : name;
  const command =
    name === '@biomejs/biome'
      ? 'biome'
      : name === 'dependency-cruiser'
        ? 'depcruise'
        : name === 'typescript'
          ? 'tsc'
          : name;
  const quoted = new RegExp(`['"\`](?:node:)?${wanted.replaceAll(/[.*+?^$()[\]\\/]/g, '\\$&')}(?:['"\`/])`);
  return (
    wanted === 'node' ||
    quoted.test(code) ||
    code.includes(`'${command}'`) ||
    scripts.includes(` ${command} `) ||
    scripts.includes(`"${command} `)
  );
}

/** Packages that belong together have one row: `@temporalio/*`, biome without its scope. */
function familyOf(name: string): string {
  const family = ['@temporalio/', '@opentelemetry/'].find((scope) => name.startsWith(scope));
  if (family !== undefined) return `${family}*`;
  return name === '@biomejs/biome' ? 'biome' : name;
}
