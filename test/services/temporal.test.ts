// The embedded Temporal where something is in its way: a database that can't be read, ports that others take.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { freePort } from '../../src/services/ports.ts';
import { startTemporal, type TemporalOptions } from '../../src/services/temporal.ts';
import { makeHome } from '../support/home.ts';

const GARBAGE = 'not of a database\n'.repeat(1_000);

async function options(further: Partial<TemporalOptions> = {}): Promise<TemporalOptions> {
  return {
    home: await makeHome(),
    binary: inject('temporalCli'),
    namespace: 'default',
    port: 0,
    uiPort: 0,
    say: () => {},
    signal: new AbortController().signal,
    ...further,
  };
}

test('a damaged database is moved aside, and the server starts on a new one', async () => {
  const home = await makeHome();
  const dbFile = join(home, 'temporal.db');
  writeFileSync(dbFile, GARBAGE);
  const said: string[] = [];
  const temporal = await startTemporal(await options({ home, say: (line) => void said.push(line) }));
  onTestFinished(() => temporal.stop());
  expect(said.filter((line) => line.includes('damaged'))).toEqual([
    `Temporal's database is damaged and was moved to ${dbFile}.damaged: the ledger starts again what is unfinished`,
  ]);
  expect(readFileSync(`${dbFile}.damaged`, 'utf8')).toBe(GARBAGE);
  expect(existsSync(dbFile)).toBe(true);
});

test('the Temporal of somebody else that has the port is not taken for the own one', async () => {
  const port = Number(inject('temporalAddress').split(':').at(-1));
  // Its namespace and search attributes are those that are waited for.
  const fixed = await options({ port, uiPort: await freePort(0), portIsFixed: true });
  await expect(startTemporal(fixed)).rejects.toThrow(`port ${port}, or that of its Web UI, is taken`);
});

test('two that want the same ports at the same moment both start, each with its own', async () => {
  const port = await freePort(0);
  const uiPort = await freePort(0, [port]);
  const both = await Promise.allSettled([1, 2].map(async () => startTemporal(await options({ port, uiPort }))));
  const started = both.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  onTestFinished(async () => void (await Promise.all(started.map((each) => each.stop()))));
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect(new Set(started.flatMap((each) => [each.port, each.uiPort])).size).toBe(4);
  expect(started.map((each) => each.hasExited())).toEqual([false, false]);
});
