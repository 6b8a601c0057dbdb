// `tem up` as a person uses it: real processes on a home of its own, killed and started again.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Instance, readInstance } from '../../src/services/instance.ts';
import { isAlive, stopProcess } from '../../src/services/processes.ts';
import { createDatabase } from '../support/database.ts';
import { makeHome } from '../support/home.ts';
import { runTem, startTem, type TemProcess } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

const TIMEOUT_MS = 180_000;
const STARTED_WITHIN_MS = 90_000;
const DEFAULT_PORT = 3000;
const HELLO = '{"user": "ada", "title": "Hello", "body": "from a test"}';

async function takePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((closed) => void server.close(() => closed())));
  return String((server.address() as { port: number }).port);
}

/** The port that the API has unless told otherwise; another program may have it already. */
async function takeDefaultPort(): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve() : reject(error)));
    server.listen(DEFAULT_PORT, '127.0.0.1', resolve);
  });
  onTestFinished(() => new Promise((closed) => void server.close(() => closed())));
}

/** An environment whose preferred ports are all taken by others. */
async function setup(): Promise<{ env: Record<string, string>; home: string; up(): Promise<TemProcess> }> {
  const home = await makeHome();
  await takeDefaultPort();
  const env = {
    TEM_HOME: home,
    TEM_POSTGRES_PORT: await takePort(),
    TEM_TEMPORAL_PORT: await takePort(),
    TEM_TEMPORAL_UI_PORT: await takePort(),
  };
  onTestFinished(async () => {
    for (const identity of Object.values(readInstance(home)?.processes ?? {})) await stopProcess(identity, 'SIGKILL');
  });
  return {
    env,
    home,
    async up() {
      const tem = startTem(['up'], env);
      onTestFinished(async () => void (await tem.stop()));
      await tem.ready();
      return tem;
    },
  };
}

function processesOf(instance: Instance): Instance['supervisor'][] {
  return [instance.supervisor, ...Object.values(instance.processes)];
}

/** The README's tour: the token that the example prints opens the page and the socket that the page opens. */
async function lastShownTo(user: string, exported: string): Promise<unknown> {
  const variables = Object.fromEntries(
    [...exported.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['examples/user-token.js', user], {
    env: { ...process.env, ...variables },
  });
  const [token, page] = stdout.trim().split('\n') as [string, string];
  const shown = await fetch(page);
  expect([shown.status, await shown.text()]).toEqual([200, expect.stringMatching(/new WebSocket\(address, \[`tem\./)]);
  const address = new URL('/v1/notifications', page);
  Object.assign(address, { protocol: 'ws:', search: String(new URLSearchParams({ user, after: '0' })) });
  const socket = new WebSocket(address, [`tem.${token}`]);
  onTestFinished(() => socket.terminate());
  const [frame] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(String(frame));
}

test('everything starts beside programs that hold its ports, takes an event, and leaves no process', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { env, home, up } = await setup();
  const tem = await up();
  const instance = readInstance(home) as Instance;
  expect(statSync(join(home, 'instance.json')).mode & 0o777).toBe(0o600);
  expect(Object.keys(instance.processes).sort()).toEqual(['api', 'postgres', 'temporal', 'worker']);

  await waitFor(() => tem.stdout().includes('Ctrl-C stops everything'));
  for (const words of [
    `API          ${instance.apiUrl}`,
    '/docs',
    instance.temporalUiUrl,
    'Admin key    tem_',
    'curl -sS',
  ]) {
    expect(tem.stdout()).toContain(words);
  }
  await waitFor(() => /queued \d+ {2}processing \d+/.test(tem.stdout()));

  const sent = await runTem(['send', 'notification', HELLO, '--key', 'hello', '--json'], env);
  expect(sent).toMatchObject({ code: 0, stderr: '' });
  const { id } = JSON.parse(sent.stdout) as { id: string };
  const watched = await runTem(['events', 'watch', id], env);
  expect(watched).toMatchObject({ code: 0, stderr: '' });
  expect(watched.stdout).toContain('PROCESSED');

  const { stdout: exported } = await runTem(['env'], env);
  expect(exported).toContain(`export TEM_API_URL='${instance.apiUrl}'\n`);
  expect(await lastShownTo('ada', exported)).toMatchObject({ title: 'Hello', body: 'from a test', event: id });

  // Its shops have the one port of this machine that may be called; nothing else there is opened by it.
  const demo = await runTem(['price', 'demo', '--shops', '2', '--products', '5'], env);
  expect(demo.stdout, demo.stderr).toMatch(/a deal: Lamp[\s\S]*its notification, in the inbox of price-demo: /);
  const refused = await runTem(['send', 'webhook', JSON.stringify({ url: instance.apiUrl, body: {} })], env);
  expect(refused.stderr).toContain('is not a public address');

  const second = await runTem(['up'], env);
  expect(second.code).toBe(5);
  expect(second.stderr).toContain(`tem up already runs on ${home} (pid ${tem.pid}), its API is ${instance.apiUrl}`);
  expect(processesOf(instance).every(isAlive)).toBe(true);

  tem.kill('SIGINT');
  expect(await tem.exited).toEqual({ code: 0, signal: null });
  expect(processesOf(instance).filter(isAlive)).toEqual([]);
  expect(readInstance(home)).toBeUndefined();
});

test('after kill -9 of the supervisor its children end, and the next start clears the rest and keeps the data', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { env, home, up } = await setup();
  const first = await up();
  const left = readInstance(home) as Instance;
  const keys = readFileSync(join(home, 'keys.json'), 'utf8');
  const { stdout } = await runTem(['send', 'notification', HELLO, '--key', 'kept', '--json'], env);
  const { id } = JSON.parse(stdout) as { id: string };
  expect((await runTem(['events', 'watch', id], env)).code).toBe(0);

  first.kill('SIGKILL');
  await first.exited;
  const { api, worker, postgres, temporal } = left.processes as Record<string, Instance['supervisor']>;
  await waitFor(() => [api, worker].every((identity) => identity && !isAlive(identity)));
  expect([postgres, temporal].every((identity) => identity && isAlive(identity))).toBe(true);
  expect((await runTem(['env'], env)).code).toBe(2);

  const second = await up();
  expect(second.stderr()).toMatch(
    /Stopping what an earlier start left behind: postgres \(pid \d+\), temporal \(pid \d+\)/,
  );
  expect(processesOf(left).filter(isAlive)).toEqual([]);
  expect(readFileSync(join(home, 'keys.json'), 'utf8')).toBe(keys);
  const repeated = await runTem(['send', 'notification', HELLO, '--key', 'kept'], env);
  expect(repeated).toMatchObject({ code: 0, stdout: `${id} already there, PROCESSED\n` });
});

test('a service or child that is killed comes back at its address', { timeout: TIMEOUT_MS }, async () => {
  const { env, home, up } = await setup();
  const tem = await up();
  for (const name of ['postgres', 'temporal', 'api', 'worker']) {
    const before = readInstance(home) as Instance;
    process.kill((before.processes[name] as Instance['supervisor']).pid, 'SIGKILL');
    await waitFor(() => {
      const after = readInstance(home)?.processes[name];
      return after && after.pid !== before.processes[name]?.pid && isAlive(after);
    });
    expect(readInstance(home)).toMatchObject({
      databaseUrl: before.databaseUrl,
      temporalAddress: before.temporalAddress,
      temporalUiUrl: before.temporalUiUrl,
    });
  }
  await waitFor(async () => (await runTem(['doctor'], env)).code === 0, 60_000);
  const { stdout } = await runTem(['send', 'notification', HELLO, '--json'], env);
  expect((await runTem(['events', 'watch', (JSON.parse(stdout) as { id: string }).id], env)).code).toBe(0);
  expect(tem.stderr()).toContain('Postgres ended (SIGKILL); starting it again');

  // As `npm start | tee` does, whose `tee` a Ctrl-C ends first.
  const instance = readInstance(home) as Instance;
  tem.stopReading();
  tem.kill('SIGHUP');
  expect(await tem.exited).toEqual({ code: 0, signal: null });
  expect(processesOf(instance).filter(isAlive)).toEqual([]);
});

test('a start that is interrupted stops at once and leaves no process', { timeout: TIMEOUT_MS }, async () => {
  const { env, home } = await setup();
  // A Temporal that never gets ready: however busy the machine is, the start is interrupted in its middle.
  const folder = await makeHome();
  const script = `#!/bin/sh\n[ "$1" = server ] && exec sleep 3600\nexec '${inject('temporalCli')}' "$@"\n`;
  writeFileSync(join(folder, 'temporal'), script, { mode: 0o755 });
  const tem = startTem(['up'], { ...env, PATH: `${folder}:${process.env.PATH}` });
  const instance = await waitFor(() => {
    const now = readInstance(home);
    // Known from the moment that it runs: a start that is killed now must not leave a Temporal that nobody knows of.
    return now?.processes.postgres && now.processes.temporal && now.temporalAddress === '' && now;
  }, STARTED_WITHIN_MS);
  tem.kill('SIGTERM');
  expect(await tem.exited).toEqual({ code: 0, signal: null });
  expect(processesOf(instance).filter(isAlive)).toEqual([]);
});

test('with a database and a Temporal of its own nothing embedded starts', { timeout: TIMEOUT_MS }, async () => {
  const [{ databaseUrl }, { address, namespace }] = [
    await createDatabase({ migrated: false }),
    await createNamespace(),
  ];
  const home = await makeHome();
  await takeDefaultPort();
  const env = { TEM_HOME: home, DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
  const tem = startTem(['up'], env);
  onTestFinished(async () => void (await tem.stop()));
  await tem.ready();
  const instance = readInstance(home) as Instance;
  expect(Object.keys(instance.processes).sort()).toEqual(['api', 'worker']);
  await waitFor(() => tem.stdout().includes(`Temporal     ${address}, namespace ${namespace}`));
  const sent = await runTem(['send', 'notification', HELLO, '--json'], env);
  expect((await runTem(['events', 'watch', (JSON.parse(sent.stdout) as { id: string }).id], env)).code).toBe(0);
  tem.kill('SIGINT');
  expect(await tem.exited).toEqual({ code: 0, signal: null });
  expect(processesOf(instance).filter(isAlive)).toEqual([]);
});

test('a wrong setting ends the start in words and leaves nothing', async () => {
  const { env, home } = await setup();
  const port = await takePort();
  expect(await runTem(['up'], { ...env, TEM_PROT: '1' })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('tem: TEM_PROT: unknown setting'),
  });
  const taken = await runTem(['up'], { ...env, TEM_PORT: port });
  expect(taken).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`tem: TEM_PORT: port ${port} on 127.0.0.1 is taken`),
  });
  expect(readInstance(home)).toBeUndefined();
});
