// `npm run build`: what the image and the package run. TypeScript becomes JavaScript in dist/, and the workflows become
// one bundle, so that a worker doesn't run a bundler when it starts.

import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

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
// What TypeScript doesn't compile goes along as it is.
cpSync(SOURCES, DIST, { recursive: true, filter: (path) => statSync(path).isDirectory() || !path.endsWith('.ts') });
// From the sources, as a clone does it, so that both run the same workflow code.
const { code } = await bundleWorkflowCode({ workflowsPath: join(SOURCES, 'workflows', 'index.ts') });
writeFileSync(join(DIST, 'workflow-bundle.js'), code);
console.log(`dist/ is built; the workflow bundle has ${Math.round(code.length / 1_024)} KiB`);
