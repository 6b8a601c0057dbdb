// A user's own event types (TEM_EVENT_TYPES), in real processes: from packages of either kind, and wrong ones in words.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testEnvironment } from '../support/environment.ts';
import { makeHome } from '../support/home.ts';
import { runTem, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const IMPORT = "import { defineEventType, Type } from 'tem';\n";
const REQUIRE = "const { defineEventType, Type } = require('tem');\n";

function definition(name: string): string {
  return `defineEventType({ name: '${name}', payload: Type.Object({}), async handle() {} });\n`;
}

/** A package as `npm init` makes it, that has TEM installed; resolves to the path of a file of it. */
async function setup() {
  const folder = await makeHome();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'tem'));
  writeFileSync(join(folder, 'package.json'), '{"name": "shop", "version": "1.0.0"}');
  const env = testEnvironment(await createDatabase(), await createNamespace(), { TEM_HOME: await makeHome() });
  return {
    env,
    write(name: string, text: string): string {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
  };
}

test('files of a package without "type": "module" are loaded, whatever they are written in', async () => {
  const { env, write } = await setup();
  const modules = [
    write('typed.ts', `${IMPORT}export const typed: unknown = ${definition('typed')}`),
    write('plain.js', `${IMPORT}export const plain = ${definition('plain')}`),
    write('module.mjs', `${IMPORT}export const module = ${definition('module')}`),
    write('required.cjs', `${REQUIRE}exports.required = ${definition('required')}`),
  ];
  const api = startTem(['api'], { ...env, TEM_EVENT_TYPES: modules.join(',') });
  onTestFinished(async () => void (await api.stop()));
  const { url } = await api.ready();
  for (const type of ['typed', 'plain', 'module', 'required']) {
    const { status } = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type, payload: {} }),
    });
    expect({ type, status }).toEqual({ type, status: 202 });
  }
});

test('a module that is wrong is named, with the line, and counts as a wrong setting', async () => {
  const { env, write } = await setup();
  const one = write('one.mjs', `${IMPORT}export const one = ${definition('one')}`);
  const again = write('again.ts', `${IMPORT}export const again = ${definition('one')}`);
  const left = write(
    'left.mjs',
    `${IMPORT}Promise.reject(new Error('no such queue'));\nexport const left = ${definition('left')}`,
  );
  const broken = write('broken.mjs', `${IMPORT}\nexport const = 1;\n`);
  const cases: [string[], string][] = [
    [[one, again], `event type one is defined twice: by ${one} and by ${again}`],
    [[broken], `${broken}:3`],
    [['./not-there.ts'], 'not-there.ts'],
    [[left], "left.mjs can't be loaded: a promise that nobody awaits failed: no such queue"],
  ];
  const results = await Promise.all(
    cases.map(([modules]) => runTem(['api'], { ...env, TEM_EVENT_TYPES: modules.join(',') })),
  );
  for (const [index, [, words]] of cases.entries()) {
    expect(results[index]).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
    expect(results[index]?.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('tem: '))).toEqual([]);
  }
});
