// `tem keys` and `tem events redrive` as processes against a real API and worker.

import { expect, onTestFinished, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { makeHome } from '../support/home.ts';
import { builtModule, runTem, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

async function setup() {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const types = builtModule(new URL('../console/support/event-types.ts', import.meta.url));
  const environment = testEnvironment(database, temporal, { TEM_HOME: await makeHome(), TEM_EVENT_TYPES: types });
  const started = [startTem(['api'], environment), startTem(['worker'], environment)];
  onTestFinished(async () => void (await Promise.all(started.map((program) => program.stop()))));
  const [api] = await Promise.all(started.map((program) => program.ready()));
  const env = { ...environment, TEM_API_URL: String(api?.url) };
  const send = async (does: string, key: string): Promise<string> => {
    const payload = JSON.stringify({ order: { id: key }, does });
    const { stdout } = await runTem(['send', 'order', payload, '--key', key, '--json'], env);
    return JSON.parse(stdout).id;
  };
  return { pool: database.pool, env, send };
}

test('keys and redrives work from a shell', { timeout: 180_000 }, async () => {
  const { pool, env, send } = await setup();

  // A key is made, used, rotated and revoked.
  const made = await runTem(['keys', 'create', 'shop', '--role', 'operator', '--types', 'order', '--json'], env);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const { key, ...rights } = JSON.parse(made.stdout);
  expect(rights).toMatchObject({ name: 'shop', role: 'operator', scopes: { types: ['order'] }, payloads: true });
  const asShop = { ...env, TEM_ADMIN_KEY: key };
  expect((await runTem(['events', '--json'], asShop)).code).toBe(0);
  expect(await runTem(['keys'], asShop)).toMatchObject({ code: 4, stderr: expect.stringContaining('403') });
  expect((await runTem(['keys'], env)).stdout).toMatch(/^shop {2}operator; types order; sees payloads; used /m);
  const rotated = JSON.parse((await runTem(['keys', 'rotate', 'shop', '--grace', '1h', '--json'], env)).stdout);
  for (const each of [key, rotated.key]) {
    expect((await runTem(['events'], { ...env, TEM_ADMIN_KEY: each })).code).toBe(0);
  }
  expect(await runTem(['keys', 'revoke', 'shop'], env)).toMatchObject({ code: 0, stdout: 'revoked\n' });
  await waitFor(async () => (await runTem(['events'], { ...env, TEM_ADMIN_KEY: rotated.key })).code !== 0);
  expect(await runTem(['keys', 'revoke', 'shop'], env)).toMatchObject({ code: 4, stdout: '' });
  expect((await runTem(['keys'], env)).stdout).toBe('no keys but that of TEM_ADMIN_KEY\n');

  // A redrive is counted, then done, and its end is the exit code.
  const ids = [await send('refuse', 'one'), await send('refuse', 'two')];
  await waitFor(async () => {
    const { rows } = await pool.query(`select state from tem.event where id = any($1)`, [ids]);
    return rows.every(({ state }) => state === 'EXTINCT');
  });
  const filter = ['--type', 'order', '--rate', '50'];
  const dry = await runTem(['events', 'redrive', ...filter, '--dry-run'], env);
  expect(dry).toMatchObject({ code: 0, stdout: '2 events match\n' });
  const again = await runTem(['events', 'redrive', ...filter, '--json'], env);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('2 of 2 failed again') });
  const lines = again.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({ state: 'done', matches: 2, done: 2, failed: 2, processed: 0 });
  // What is wrong with them is mended.
  await pool.query(`update tem.event set payload = jsonb_set(payload, '{does}', '"succeed"') where id = any($1)`, [
    ids,
  ]);
  const mended = await runTem(['events', 'redrive', ...filter], env);
  expect(mended).toMatchObject({ code: 0, stdout: expect.stringMatching(/done {2}2 of 2 {2}processed 2 {2}failed 0/) });
  expect(await runTem(['events', 'redrive', '--rate', 'fast'], env)).toMatchObject({ code: 2, stdout: '' });
});
