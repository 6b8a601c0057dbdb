// `npm run check`: everything that can be judged without running TEM. Every part runs, also after one that failed, and
// each failure says what to do about it.

import { spawnSync } from 'node:child_process';
import { checkCompose } from './check/compose.ts';
import { checkDependencies } from './check/dependencies.ts';
import { checkDocFacts } from './check/doc-facts.ts';
import type { Finding } from './check/finding.ts';
import { checkLockFile } from './check/lock-file.ts';
import { checkSources } from './check/sources.ts';
import { checkTypes } from './check/types.ts';

interface Part {
  name: string;
  /** Resolves to whether it is well; prints what isn't. */
  run(): boolean | Promise<boolean>;
}

const parts: Part[] = [
  tool(
    'format and lint',
    ['biome', 'check', '--error-on-warnings', '.'],
    '`npm run format` mends what a tool can mend.',
  ),
  findings('types', checkTypes),
  tool(
    'import boundaries',
    ['depcruise', '--output-type', 'err-long', 'src'],
    'Each message says why the boundary is there and what to do instead. The rules are in .dependency-cruiser.cjs.',
  ),
  findings('sources', checkSources),
  findings('lock file', checkLockFile),
  findings('dependencies', checkDependencies),
  findings('compose file', checkCompose),
  findings('doc facts', checkDocFacts),
];

function tool(name: string, [command = '', ...args]: string[], remedy: string): Part {
  return {
    name,
    run() {
      const { status } = spawnSync(process.execPath, [binary(command), ...args], { stdio: 'inherit' });
      if (status !== 0) console.error(`\n${name}: ${remedy}`);
      return status === 0;
    },
  };
}

/** The script behind node_modules/.bin, so that no shell and no npx stands between. */
function binary(command: string): string {
  return `node_modules/.bin/${command}`;
}

function findings(name: string, check: () => Finding[] | Promise<Finding[]>): Part {
  return {
    name,
    async run() {
      const found = await check();
      for (const { file, line, problem, remedy } of found) {
        console.error(`${file}${line === undefined ? '' : `:${line}`}: ${problem}\n    ${remedy}`);
      }
      return found.length === 0;
    },
  };
}

const failed: string[] = [];
for (const part of parts) {
  const startedAtMs = performance.now();
  const well = await part.run();
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  console.log(`${well ? 'ok    ' : 'FAILED'} ${part.name} (${seconds} s)`);
  if (!well) failed.push(part.name);
}
if (failed.length > 0) {
  console.error(`\nnpm run check failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
