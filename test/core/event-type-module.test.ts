// A module whose top hangs or throws is named, with what it threw.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadModule } from '../../src/core/event-type-module.ts';
import { makeHome } from '../support/home.ts';

test('a module that waits at its top for what never comes is named once its time is over', async () => {
  const path = join(await makeHome(), 'hanging.mjs');
  writeFileSync(path, 'await new Promise(() => {});\n');
  await expect(loadModule(path, 300)).rejects.toMatchObject({
    name: 'ConfigError',
    message: `TEM_EVENT_TYPES: ${path} can't be loaded: it is not done after 0.3 s: what does the code at its top wait for?`,
  });
});

test.each([
  ['null', 'a non-error was thrown: null'],
  ['undefined', 'a non-error was thrown: undefined'],
  ["'no configuration'", 'a non-error was thrown: no configuration'],
  ["new Error('no configuration')", 'no configuration'],
  [
    "new AggregateError(['::1', '127.0.0.1'].map((at) => new Error('connect ECONNREFUSED ' + at)))",
    'connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1',
  ],
])('a module that throws %s is named', async (thrown, words) => {
  const path = join(await makeHome(), 'throwing.mjs');
  writeFileSync(path, `throw ${thrown};\n`);
  await expect(loadModule(path)).rejects.toThrow(`TEM_EVENT_TYPES: ${path} can't be loaded: ${words}`);
});
