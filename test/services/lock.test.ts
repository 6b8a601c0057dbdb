// Locks: one holder at a time; a dead holder's lock is taken over, also when its pid has been given away.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { takeLock } from '../../src/services/lock.ts';
import { identify, isAlive } from '../../src/services/processes.ts';
import { makeHome } from '../support/home.ts';

test('a lock has one holder until it is released', async () => {
  const home = await makeHome();
  const path = join(home, 'a lock');
  const first = takeLock(path);
  expect(takeLock(path)).toEqual({ taken: false, holder: identify(process.pid) });
  if (first.taken) first.release();
  expect(takeLock(path).taken).toBe(true);
  expect(readdirSync(home)).toEqual(['a lock']);
});

test('the lock of a process that was killed is taken over', async () => {
  const path = join(await makeHome(), 'lock');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  onTestFinished(() => void child.kill('SIGKILL'));
  const holder = identify(child.pid as number);
  writeFileSync(path, JSON.stringify(holder));
  expect(takeLock(path)).toEqual({ taken: false, holder });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(takeLock(path).taken).toBe(true);
});

test('a pid that belongs to another process by now holds nothing', async () => {
  const path = join(await makeHome(), 'lock');
  const earlier = { pid: process.pid, startedAt: 'an earlier boot/1' };
  expect(isAlive(earlier)).toBe(false);
  writeFileSync(path, JSON.stringify(earlier));
  expect(takeLock(path).taken).toBe(true);
});

test('a damaged lock file is taken over', async () => {
  const path = join(await makeHome(), 'lock');
  writeFileSync(path, '{');
  expect(takeLock(path).taken).toBe(true);
});
