// What is told of a child that ended before it was ready.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { lastWords, workerStopGraceMs } from '../../src/services/children.ts';
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
