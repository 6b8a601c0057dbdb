// `npm run build`: what the image and the package run. TypeScript becomes JavaScript in dist/, the workflows become
// one bundle, so that a worker doesn't run a bundler when it starts, and so do the console's pages.

import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { buildConsole } from '../src/api/console/build.ts';
import { writeShipped } from '../src/api/console/files.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');

rmSync(DIST, { recursive: true, force: true });
const compile = spawnSync(process.execPath, ['node_modules/.bin/tsc', '--project', 'tsconfig.build.json'], {
  cwd: ROOT,
  stdio: 'inherit',
});
if (compile.status !== 0) {
  console.error('build: the types are wrong; `npm run check` says where and what to do');
  process.exit(1);
}
// What TypeScript doesn't compile goes along as it is; the console's pages are in its files.
cpSync(SOURCES, DIST, { recursive: true, filter: (path) => statSync(path).isDirectory() || !/\.tsx?$/.test(path) });
const { files } = writeShipped(join(DIST, 'console-files'), await buildConsole(join(ROOT, 'console')));
// From the sources, as a clone does it, so that both run the same workflow code.
const { code } = await bundleWorkflowCode({ workflowsPath: join(SOURCES, 'workflows', 'index.ts') });
writeFileSync(join(DIST, 'workflow-bundle.js'), code);
console.log(
  `dist/ is built; the workflow bundle has ${Math.round(code.length / 1_024)} KiB, the console ${files.length} files`,
);
