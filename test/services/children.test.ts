// What is told of a child that ended before it was ready.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { childEnvironment, lastWords, workerStopGraceMs } from '../../src/services/children.ts';
import { makeHome } from '../support/home.ts';

test("a child's own words come before its log, also in a log that was rotated meanwhile", async () => {
  const path = join(await makeHome(), 'worker.log');
  const before = 'tem: of an earlier start\n';
  writeFileSync(path, `${before}{"level":30}\ntem: TEM_FEATURES: nonsense\n`);
  expect(lastWords(path, before.length)).toBe('TEM_FEATURES: nonsense');
  writeFileSync(path, 'tem: after the rotation\n');
  expect(lastWords(path, 10_000_000)).toBe('after the rotation');
});

test('a worker is given more time to stop than its attempts have', () => {
  expect(workerStopGraceMs(readConfig({ TEM_GRACE: '5m' }))).toBeGreaterThan(300_000);
});

test('a child gets two memory arenas unless the environment says otherwise', () => {
  const config = readConfig({});
  expect(childEnvironment(config, {}, true)).toMatchObject({ MALLOC_ARENA_MAX: '2' });
  expect(childEnvironment(config, { MALLOC_ARENA_MAX: '8' }, true)).toMatchObject({ MALLOC_ARENA_MAX: '8' });
});
