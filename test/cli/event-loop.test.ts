// A process whose event loop is blocked for good ends itself and says where; one that was only slow, or was itself stopped,
// goes on.

import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { atEnd } from '../support/at-end.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testEnvironment } from '../support/environment.ts';
import { CLONED, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';

const BLOCKED = fileURLToPath(new URL('../support/blocked-process.ts', import.meta.url));
const TEM = new URL('../../src/index.ts', import.meta.url).href;
const LIMIT_MS = 1_000;
const FOR_EVER_MS = 600_000;

interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

async function setup({ blockMs }: { blockMs: number }) {
  const child: ChildProcess = fork(BLOCKED, [String(LIMIT_MS), String(blockMs)], {
    execArgv: ['--import', 'tsx'],
    silent: true,
  });
  atEnd(() => void child.kill('SIGKILL'));
  let written = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    written += chunk;
  });
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  await new Promise((resolve) => child.once('message', resolve));
  return { child, ended, written: () => written };
}

test('one that is blocked ends itself, after a line with the stack', async () => {
  const { child, ended, written } = await setup({ blockMs: FOR_EVER_MS });
  child.kill('SIGUSR2');
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
  expect(JSON.parse(written())).toMatchObject({
    level: 60,
    name: 'blocked',
    pid: child.pid,
    msg: expect.stringContaining('the event loop has been blocked for 1 s'),
    // The line of the loop, as a person wrote it.
    stack: expect.stringMatching(/standStill \(.*blocked-process\.ts:9:/),
  });
});

test('one that is blocked for less goes on', async () => {
  const { child, ended, written } = await setup({ blockMs: LIMIT_MS / 2 });
  // Heard only after the loop has turned again.
  child.kill('SIGUSR2');
  child.kill('SIGTERM');
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(written()).toBe('');
});

test('one that was stopped for longer goes on when it is continued', async () => {
  const { child, ended, written } = await setup({ blockMs: 0 });
  child.kill('SIGSTOP');
  // The time itself is what is tested.
  await delay(3 * LIMIT_MS);
  child.kill('SIGCONT');
  await delay(LIMIT_MS);
  child.kill('SIGTERM');
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(written()).toBe('');
});

test('an API that a payload blocks, by a pattern that backtracks for ever, ends itself and names the call', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tem blocked '));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const module = join(folder, 'type.mjs');
  writeFileSync(
    module,
    `import { defineEventType, Type } from '${TEM}';
     const payload = Type.Object({ text: Type.String({ pattern: '^(a+)+$' }) });
     export const dear = defineEventType({ name: 'dear', payload, async handle() {} });`,
  );
  const further = { TEM_EVENT_TYPES: module, TEM_EVENT_LOOP_TIMEOUT: '3s' };
  const environment = testEnvironment(await createDatabase(), await createNamespace(), further);
  // The stack shall name the files that people know.
  const api = startTem(['api'], environment, { program: CLONED });
  atEnd(() => api.kill('SIGKILL'));
  const { url } = await api.ready();
  const post = (text: string) =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'dear', payload: { text } }),
    });
  expect((await post('aaa')).status).toBe(202);
  await expect(post(`${'a'.repeat(60)}!`)).rejects.toThrow();
  expect(await api.exited).toMatchObject({ signal: 'SIGKILL' });
  expect(api.stdout()).toMatch(/the event loop has been blocked/);
  expect(api.stdout()).toMatch(/RegExp\.test .*accept\.ts/);
});
