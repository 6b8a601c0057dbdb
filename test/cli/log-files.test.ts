// The log in files: bounded in size and number, and a disk that is full holds up nothing.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLog } from '../../src/cli/log.ts';
import { readConfig } from '../../src/config.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testEnvironment } from '../support/environment.ts';
import { CLONED, childEnvironment, runTem } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';

const MB = 1_048_576;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tem-logs-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('files hold what is at their level, are renewed after a MB, and only so many are kept', async () => {
  const path = folder();
  const config = readConfig({ TEM_LOG_FILE: join(path, 'tem.log'), TEM_LOG_FILES: '3', TEM_LOG_LEVEL: 'silent' });
  const log = await createLog(config, 'worker');
  log.info('not for files');
  const newest = () => Math.max(...readdirSync(path).map((name) => Number(/\d+/.exec(name))));
  await waitFor(() => {
    for (let line = 0; line < 20; line += 1) log.error({ filler: 'x'.repeat(10_000) }, 'for files');
    return newest() >= 6;
  });
  const sizes = () => readdirSync(path).map((name) => statSync(join(path, name)).size);
  await waitFor(() => sizes().length === 3);
  for (const size of sizes()) expect(size).toBeLessThan(1.2 * MB);
  const text = readdirSync(path)
    .map((name) => readFileSync(join(path, name), 'utf8'))
    .join('');
  expect(text).not.toContain('not for files');
  expect(readdirSync(path).every((name) => /^tem-worker\.\d+\.log$/.test(name))).toBe(true);
});

test('a file that can not be written stops the start in words', async () => {
  const config = readConfig({ TEM_LOG_FILE: join(import.meta.filename, 'tem.log') });
  await expect(createLog(config, 'worker')).rejects.toThrow("TEM_LOG_FILE: can't be written");
});

// A disk of its own where this user may mount one, else the device that is always full.
const PREPARE = `mount -t tmpfs -o size=2m tmpfs "$1" && : > "$1/full-api.1.log" && (cat /dev/zero > "$1/filler" 2>/dev/null; true) && shift && exec "$@"`;

test('a log disk that is full from the start holds up no event, and is written again when there is room', async () => {
  const [database, path] = [await createDatabase(), folder()];
  const namespaces = process.getuid?.() === 0 ? ['-m'] : ['-U', '-m', '--map-current-user', '--keep-caps'];
  const isReal = spawnSync('unshare', [...namespaces, 'sh', '-c', PREPARE, 'sh', path, 'true']).status === 0;
  process.stdout.write(isReal ? 'on a real full disk\n' : 'no disk can be mounted here: on /dev/full\n');
  if (!isReal) symlinkSync('/dev/full', join(path, 'full-api.1.log'));
  const api = ['/bin/sh', '-c', 'exec "$@"', 'sh', process.execPath, CLONED, 'api'];
  const [command = '', ...args] = isReal ? ['unshare', ...namespaces, 'sh', '-c', PREPARE, 'sh', path, ...api] : api;
  const environment = testEnvironment(
    database,
    { address: '127.0.0.1:1', namespace: 'none' },
    {
      TEM_LOG_FILE: join(path, 'full.log'),
      TEM_LOG_FILE_LEVEL: 'debug',
      TEM_LOG_LEVEL: 'info',
      TEM_PORT: '0',
    },
  );
  const child = spawn(command, args, { env: childEnvironment(environment), stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  const url = await waitFor(() => /"url":"([^"]+)","msg":"API listens"/.exec(output)?.[1], 60_000);
  const post = async (n: number) => {
    const startedAt = performance.now();
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        type: 'notification',
        payload: { user: 'ada', title: `n ${n}`, body: 'x'.repeat(1_000) },
      }),
    });
    expect(response.status).toBe(202);
    return performance.now() - startedAt;
  };
  for (let n = 0; n < 200; n += 1) await post(n);
  await waitFor(() => output.includes('the log file can not be written'));
  expect(output.match(/the log file can not be written/g)).toHaveLength(1);
  if (!isReal) return;
  const inside = join(`/proc/${child.pid}/root`, path);
  expect(statSync(join(inside, 'full-api.1.log')).size).toBeLessThan(4_096);
  rmSync(join(inside, 'filler'));
  await waitFor(async () => {
    await post(1_000);
    return existsSync(join(inside, 'full-api.1.log')) && statSync(join(inside, 'full-api.1.log')).size > 10_000;
  });
});

test('the names of the settings are checked', async () => {
  const { code, stderr } = await runTem(['doctor'], { TEM_LOG_FILES: '1', TEM_WORKER_MAX_RSS_MB: '3' });
  expect(code).toBe(2);
  expect(stderr).toContain('TEM_LOG_FILES: must be a whole number from 2');
  expect(stderr).toContain('TEM_WORKER_MAX_RSS_MB: must be a whole number from 50');
});
