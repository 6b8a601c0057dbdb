// From a fresh clone to the first event that is PROCESSED, as somebody does it who tries TEM for the first time.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { readInstance } from '../../src/services/instance.ts';
import type { BenchContext } from '../context.ts';
import type { BenchCase } from '../figures.ts';
import { endWithBench } from '../processes.ts';
import { countWorkflows } from '../temporal-counts.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 1_200_000;
const POLL_MS = 50;

export const freshClone: BenchCase = {
  id: 'fresh-clone',
  title: 'From a fresh clone to the first PROCESSED event',
  about:
    'git clone of the last commit on the same disk, npm ci with the npm cache as it is, npm start, a POST when it says that it is ready, until GET answers PROCESSED. The Temporal server is on PATH or in the cache; with --cold there is neither, nor a cache of compiled Go packages (downloaded Go modules stay).',
  runsByDefault: 1,
  figures: [
    { id: 'total', label: 'all of it, server cached', unit: 's' },
    { id: 'totalCold', label: 'all of it, server not cached', unit: 's' },
    { id: 'clone', label: 'git clone', unit: 's' },
    { id: 'install', label: 'npm ci', unit: 's' },
    { id: 'start', label: 'npm start until ready', unit: 's' },
    { id: 'event', label: 'POST until PROCESSED', unit: 's' },
  ],
  async run(context) {
    const clone = join(context.folder, 'clone');
    const home = join(context.folder, 'home');
    const log = join(context.folder, 'start.log');
    const environment = environmentOf(context, home);
    const startedAt = performance.now();
    const stamps = [startedAt];
    const stamp = (): void => void stamps.push(performance.now());
    await step('git', ['clone', '--quiet', ROOT, clone], context.folder, environment);
    stamp();
    await step('npm', ['ci', '--no-audit', '--no-fund'], clone, environment);
    stamp();
    const output = openSync(log, 'a');
    const npm = spawn('npm', ['start'], { cwd: clone, env: environment, stdio: ['ignore', output, output] });
    const exited = once(npm, 'exit');
    const forget: (() => void)[] = [];
    let counted: Record<string, number> = {};
    try {
      const { apiUrl, adminKey } = await untilReady(log, exited);
      stamp();
      const supervisor = readInstance(home)?.supervisor.pid;
      if (supervisor !== undefined) forget.push(endWithBench(supervisor, 'SIGINT'));
      await untilProcessed(apiUrl, adminKey);
      stamp();
      const address = readInstance(home)?.temporalAddress ?? '';
      counted = await countWorkflows(address, 'default', ['event', 'eventBatch']);
    } finally {
      const supervisor = readInstance(home)?.supervisor.pid;
      if (supervisor === undefined) npm.kill('SIGTERM');
      else process.kill(supervisor, 'SIGINT');
      await exited;
      for (const end of forget) end();
    }
    const [clone_ = 0, install = 0, start = 0, event = 0] = stamps
      .slice(1)
      .map((at, index) => (at - (stamps[index] ?? 0)) / 1_000);
    const total = ((stamps.at(-1) ?? 0) - startedAt) / 1_000;
    return {
      figures: { [context.cold ? 'totalCold' : 'total']: total, clone: clone_, install, start, event },
      notes: {
        events: 1,
        'workflows that Temporal counted': `event ${counted.event}, eventBatch ${counted.eventBatch}`,
      },
    };
  },
};

function environmentOf(context: BenchContext, home: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(TEM_|TEMPORAL_|DATABASE_URL$|npm_|INIT_CWD$)/.test(name),
  );
  const environment: NodeJS.ProcessEnv = {
    ...Object.fromEntries(inherited),
    TEM_HOME: home,
    TEM_PORT: '0',
    TEM_POSTGRES_PORT: '0',
    TEM_TEMPORAL_PORT: '0',
    TEM_TEMPORAL_UI_PORT: '0',
    ...context.environment,
  };
  if (!context.cold) return environment;
  const caches = join(context.folder, 'caches');
  mkdirSync(caches, { recursive: true });
  const withoutServer = (environment.PATH ?? '').split(':').filter((folder) => !folder.includes('temporal'));
  return { ...environment, XDG_CACHE_HOME: caches, GOCACHE: join(caches, 'go-build'), PATH: withoutServer.join(':') };
}

async function step(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with ${code}`);
}

async function untilReady(log: string, exited: Promise<unknown>): Promise<{ apiUrl: string; adminKey: string }> {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  const giveUpAt = performance.now() + TIMEOUT_MS;
  for (;;) {
    const text = readFileSync(log, 'utf8');
    const apiUrl = /^API +(\S+)$/m.exec(text)?.[1];
    const adminKey = /^Admin key +(\S+)$/m.exec(text)?.[1];
    if (apiUrl && adminKey) return { apiUrl, adminKey };
    if (ended || performance.now() > giveUpAt) throw new Error(`npm start didn't become ready: ${text.slice(-2_000)}`);
    await delay(POLL_MS);
  }
}

async function untilProcessed(apiUrl: string, adminKey: string): Promise<void> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ type: 'notification', payload: { user: 'ada', title: 'Hello', body: 'from TEM' } });
  const answer = await request(`${apiUrl}/v1/events`, { method: 'POST', headers, body });
  const { id } = (await answer.body.json()) as { id: string };
  const giveUpAt = performance.now() + TIMEOUT_MS;
  while (performance.now() < giveUpAt) {
    const { body: found } = await request(`${apiUrl}/v1/events/${id}`, { headers });
    if (((await found.json()) as { state: string }).state === 'PROCESSED') return;
    await delay(POLL_MS);
  }
  throw new Error(`event ${id} was not PROCESSED within ${TIMEOUT_MS} ms`);
}
