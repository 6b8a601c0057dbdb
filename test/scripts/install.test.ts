// What `npm start` and `npm test` install: nothing again that is there, and for a start nothing that only tests need.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeHome } from '../support/home.ts';

const SCRIPT = new URL('../../scripts/install.js', import.meta.url);

/** A clone without an `npm` to run; resolves to a function that says whether the script wants to run one. */
async function setup(installed: string[]): Promise<(event: string) => boolean> {
  const root = await makeHome();
  mkdirSync(join(root, 'scripts'));
  mkdirSync(join(root, 'node_modules'));
  cpSync(SCRIPT, join(root, 'scripts', 'install.js'));
  writeFileSync(join(root, 'package.json'), '{"type": "module"}');
  const packages: Record<string, object> = {
    '': {},
    'node_modules/needed': { version: '1.0.0' },
    'node_modules/tests': { version: '1.0.0', dev: true },
    'node_modules/other-machine': { version: '1.0.0', optional: true },
  };
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }));
  const kept = Object.fromEntries(installed.map((name) => [`node_modules/${name}`, packages[`node_modules/${name}`]]));
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: kept }));
  return (event) =>
    spawnSync(process.execPath, [join(root, 'scripts', 'install.js')], {
      env: { PATH: '/nowhere', npm_lifecycle_event: event },
    }).status !== 0;
}

test('a start does without what only tests need, a test run does not', async () => {
  const installs = await setup(['needed']);
  expect(installs('prestart')).toBe(false);
  expect(installs('pretest')).toBe(true);
});

test('what is missing is installed, what is there is not', async () => {
  expect((await setup([]))('prestart')).toBe(true);
  expect((await setup(['needed', 'tests']))('pretest')).toBe(false);
});
