// The commands against a real API and worker: what they print, and the exit codes that their help promises.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { freePort } from '../../src/services/ports.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testEnvironment } from '../support/environment.ts';
import { makeHome } from '../support/home.ts';
import { runTem, startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const HELLO = { user: 'ada', title: 'Hello', body: 'from a test' };
const COMMANDS = ['up', 'api', 'worker', 'services', 'env', 'migrate', 'doctor', 'send', 'events'];

async function setup(programs: ('api' | 'worker')[] = ['api']): Promise<{ env: Record<string, string> }> {
  const [database, temporal] = [await createDatabase(), await createNamespace()];
  const environment = testEnvironment(database, temporal, { TEM_HOME: await makeHome() });
  const started = programs.map((name) => startTem([name], environment));
  onTestFinished(async () => void (await Promise.all(started.map((program) => program.stop()))));
  const [api] = await Promise.all(started.map((program) => program.ready()));
  return { env: { ...environment, TEM_API_URL: String(api?.url ?? '') } };
}

test('every command has help with an example', { timeout: 120_000 }, async () => {
  const all = await runTem(['--help']);
  expect(all.code).toBe(0);
  for (const command of COMMANDS) {
    expect(all.stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    const { code, stdout } = await runTem([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n.*tem /);
  }
});

test('send takes JSON from the argument, stdin and a file, and says what became of it', {
  timeout: 120_000,
}, async () => {
  const { env } = await setup(['api', 'worker']);
  const file = join(await makeHome(), 'payload.json');
  writeFileSync(file, JSON.stringify(HELLO));
  const accepted = await runTem(
    ['send', 'notification', JSON.stringify(HELLO), '--key', 'k', '--priority', '1', '--json'],
    env,
  );
  expect(accepted).toMatchObject({ code: 0, stderr: '' });
  const event = JSON.parse(accepted.stdout) as { id: string };
  expect(event).toMatchObject({ type: 'notification', key: 'k', priority: 1, payload: HELLO });

  for (const [argument, input] of [
    ['-', JSON.stringify(HELLO)],
    [`@${file}`, ''],
  ] as const) {
    const repeated = await runTem(['send', 'notification', argument, '--key', 'k'], env, input);
    expect(repeated.stdout).toMatch(new RegExp(`^${event.id} already there, `));
  }
  const other = await runTem(['send', 'notification', JSON.stringify({ ...HELLO, title: 'Other' }), '--key', 'k'], env);
  expect(other).toMatchObject({ code: 4, stdout: '', stderr: expect.stringMatching(/^tem: 409 .*\n$/) });

  expect((await runTem(['events', 'watch', event.id], env)).code).toBe(0);
  const shown = await runTem(['events', 'show', event.id, '--json'], env);
  const { transitions } = JSON.parse(shown.stdout) as { transitions: { to: string }[] };
  expect(transitions.map(({ to }) => to)).toEqual(['QUEUED', 'PROCESSING', 'PROCESSED']);
  const listed = await runTem(['events', '--key', 'k'], env);
  expect(listed.stdout).toMatch(new RegExp(`^${event.id}  PROCESSED   notification  k\n$`));
});

test('an event that waits can be cancelled once, and an unknown one is refused', async () => {
  const { env } = await setup();
  const later = ['send', 'notification', JSON.stringify(HELLO), '--run-at', '2100-01-01T00:00:00Z', '--json'];
  const { id } = JSON.parse((await runTem(later, env)).stdout) as { id: string };
  const watching = startTem(['events', 'watch', id], env);
  await waitFor(() => watching.stdout().includes('QUEUED'));
  watching.kill('SIGINT');
  expect(await watching.exited).toEqual({ code: 130, signal: null });
  expect(await runTem(['events', 'cancel', id], env)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('CANCELLED'),
  });
  expect(await runTem(['events', 'cancel', id], env)).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('CANCELLED'),
  });
  expect((await runTem(['events', 'watch', id], env)).code).toBe(1);
  expect((await runTem(['events', 'retry', '00000000-0000-7000-8000-000000000000'], env)).code).toBe(4);
});

test('wrong usage is 2, an unknown type 4, and no API 3, each in one line', { timeout: 120_000 }, async () => {
  const { env } = await setup();
  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [['send', 'notification', '{"user":'], env, 2, /^tem: the payload is not JSON: .*\n$/],
    [['send', 'notification', '@/nowhere.json'], env, 2, /^tem: the payload can't be read: .*\n$/],
    [['worker', '--features', 'nonsense'], env, 2, /nonsense is not a feature; there are notifications/],
    [['worker'], { ...env, TEM_FEATURES: 'nonsense' }, 2, /^tem: TEM_FEATURES: nonsense is not a feature/],
    [['events', '--nonsense'], env, 2, /unknown option/],
    [
      ['doctor'],
      { ...env, TEM_LOG_LEVEL: 'loud', TEM_BATCH: 'x' },
      2,
      /^tem: TEM_BATCH: .*\ntem: TEM_LOG_LEVEL: .*\n$/,
    ],
    [['send', 'no.such.type', '{}'], env, 4, /^tem: 400 .*\n$/],
    [['send', 'no.such.type', '{}', '--json'], env, 4, /^\{"error":"400 .*"exitCode":4,"details":\{.*"code":.*\n$/],
    [['send', 'notification', '{}'], { ...env, TEM_ADMIN_KEY: 'not-the-right-admin-key' }, 4, /^tem: 401 .*\n$/],
    [
      ['events'],
      { ...env, TEM_API_URL: `http://127.0.0.1:${await freePort(0)}` },
      3,
      /^tem: no API at .*\(ECONNREFUSED\).*\n$/,
    ],
    [['migrate'], { TEM_HOME: env.TEM_HOME as string }, 2, /^tem: no database: set DATABASE_URL.*\n$/],
    [
      ['migrate'],
      { ...env, DATABASE_URL: `postgres://x:y@127.0.0.1:${await freePort(0)}/z` },
      3,
      /^tem: DATABASE_URL is set, to 127.0.0.1:\d+\/z, .*ECONNREFUSED.* unset it .*\n$/,
    ],
    [
      ['up'],
      { ...env, TEM_HOME: await makeHome(), TEMPORAL_ADDRESS: `127.0.0.1:${await freePort(0)}` },
      3,
      /^tem: TEMPORAL_ADDRESS is set: Temporal at .* can't be reached .* unset it .*\n$/m,
    ],
  ];
  for (const [args, environment, code, words] of cases) {
    const result = await runTem(args, environment);
    expect({ args, code: result.code }).toEqual({ args, code });
    expect(result.stderr).toMatch(words);
  }
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await runTem(['--version'], {})).toMatchObject({ code: 0, stdout: `${version}\n` });
});

test('env prints lines that a shell takes, and fails until the database is migrated', async () => {
  const [migrated, empty, temporal] = [
    await createDatabase(),
    await createDatabase({ migrated: false }),
    await createNamespace(),
  ];
  const env = testEnvironment(migrated, temporal, { TEM_ADMIN_KEY: `it's-a-"key"-with-$HOME` });
  const { code, stdout } = await runTem(['env'], env);
  expect(code).toBe(0);
  expect(stdout).toContain(`export TEM_ADMIN_KEY='it'\\''s-a-"key"-with-$HOME'\n`);
  expect(stdout).toContain(`export TEMPORAL_ADDRESS='${inject('temporalAddress')}'\n`);
  const json = JSON.parse((await runTem(['env', '--json'], env)).stdout) as Record<string, string>;
  expect(json).toMatchObject({ DATABASE_URL: migrated.databaseUrl, TEM_ADMIN_KEY: env.TEM_ADMIN_KEY });

  const before = await runTem(['env'], testEnvironment(empty, temporal));
  expect(before).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('migrations are missing') });
  const applied = await runTem(['migrate', '--json'], testEnvironment(empty, temporal));
  expect(JSON.parse(applied.stdout)).toMatchObject({ applied: expect.arrayContaining(['0001_ledger']) });
  expect((await runTem(['env'], testEnvironment(empty, temporal))).code).toBe(0);
});

test('an API on a taken port stops in words, and a stopped one ends with 0', async () => {
  const { env } = await setup();
  const port = new URL(env.TEM_API_URL as string).port;
  expect(await runTem(['api'], { ...env, TEM_PORT: port })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`port ${port} on 127.0.0.1 is taken`),
  });
  const second = startTem(['api'], { ...env, TEM_ADMIN_KEY: ADMIN_KEY });
  await second.ready();
  // A terminal signals all of its processes, and npm hands its own copy on: the same Ctrl-C, not an impatient person.
  second.kill('SIGINT');
  second.kill('SIGTERM');
  expect(await second.exited).toEqual({ code: 0, signal: null });
});

test('an API whose log nobody reads any more stops in good order', async () => {
  const { env } = await setup([]);
  const api = startTem(['api'], { ...env, TEM_API_URL: '', TEM_LOG_LEVEL: 'debug' });
  onTestFinished(async () => void (await api.stop()));
  const { url } = await api.ready();
  api.stopReading();
  // There is no worker: that is answered with 503, and logged.
  await fetch(`${url}/readyz`);
  expect(await api.exited).toEqual({ code: 0, signal: null });
});
