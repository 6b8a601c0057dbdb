// Where the embedded default gets its Temporal from: PATH, its cache, a download that gives up soon without internet, a
// build with Go. Programs are small scripts on a PATH of the test's own; the download is TEM's real one.

import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../src/config.ts';
import { withProgress } from '../../src/services/progress.ts';
import { findTemporalBinary } from '../../src/services/temporal-binary.ts';
import { makeHome } from '../support/home.ts';

/** Without an answer at all a download would be given up after 10 s; refused it ends by itself. */
const GIVES_UP_WITHIN_MS = 15_000;
const VERSION = 'echo "temporal version 1.5.1 (Server 1.29.1)"';

beforeEach(() => {
  // Nobody listens there: this is how the download finds no internet, also on a machine that has it.
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'https_proxy', 'http_proxy', 'all_proxy'])
    vi.stubEnv(name, 'http://127.0.0.1:1');
  for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function setup() {
  const home = await makeHome();
  const [path, cacheFolder] = [join(home, 'bin'), join(home, 'cache')];
  for (const folder of [path, cacheFolder]) mkdirSync(folder);
  vi.stubEnv('PATH', path);
  const said: string[] = [];
  return {
    path,
    cacheFolder,
    said,
    find: () =>
      findTemporalBinary({ cacheFolder, say: (line) => void said.push(line), signal: new AbortController().signal }),
  };
}

function program(folder: string, name: string, script: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

describe('a Temporal server', () => {
  test('on PATH comes before one in the cache, and nothing is fetched', async () => {
    const { path, cacheFolder, said, find } = await setup();
    program(cacheFolder, 'temporal', VERSION);
    const onPath = program(path, 'temporal', VERSION);
    expect(await find()).toBe(onPath);
    expect(said).toEqual([]);
  });

  test('in the cache is used when the one on PATH is none, or does not run', async () => {
    const { path, cacheFolder, said, find } = await setup();
    const built = program(cacheFolder, 'temporal', VERSION);
    expect(await find()).toBe(built);
    program(path, 'temporal', 'echo "a planner of time"');
    expect(await find()).toBe(built);
    program(path, 'temporal', 'exit 1');
    expect(await find()).toBe(built);
    const downloaded = program(cacheFolder, 'temporal-cli-sdk-typescript-1.24.0', VERSION);
    expect(await find()).toBe(downloaded);
    expect(said).toEqual([]);
  });

  test('is built with Go when the download finds no internet, once for all that ask together', async () => {
    const { path, cacheFolder, said, find } = await setup();
    program(
      path,
      'go',
      `echo "go: downloading go.temporal.io/server v1.29.1" >&2
       /bin/mkdir -p "$GOBIN"
       echo x >> "${cacheFolder}/built"
       printf '#!/bin/sh\\n%s\\n' '${VERSION}' > "$GOBIN/temporal"
       /bin/chmod 755 "$GOBIN/temporal"`,
    );
    const startedAtMs = performance.now();
    const built = join(cacheFolder, 'temporal');
    expect(await Promise.all([find(), find()])).toEqual([built, built]);
    expect(performance.now() - startedAtMs).toBeLessThan(GIVES_UP_WITHIN_MS);
    expect(said).toContain('Getting a Temporal server: asking temporal.download');
    expect(said.filter((line) => /Building the Temporal server from source with Go/.test(line))).toHaveLength(1);
    expect(readdirSync(cacheFolder).filter((name) => name.startsWith('build-'))).toEqual([]);
  });

  test('that can be had nowhere is an error that says what was tried and what to do', async () => {
    const { find } = await setup();
    const startedAtMs = performance.now();
    const error = await find().catch((failure: unknown) => failure);
    expect(performance.now() - startedAtMs).toBeLessThan(GIVES_UP_WITHIN_MS);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toBe(
      "no Temporal server: TEMPORAL_ADDRESS is not set, there is no 'temporal' on PATH, temporal.download doesn't answer, and building it failed (Go is not installed); set TEMPORAL_ADDRESS, put the Temporal CLI on PATH, or install Go",
    );
  });

  test('whose build fails says what Go said last', async () => {
    const { path, cacheFolder, find } = await setup();
    program(path, 'go', 'echo "first"; echo "no space left on device" >&2; exit 3');
    await expect(find()).rejects.toThrow(/go install ended with exit code 3: no space left on device/);
    expect(readdirSync(cacheFolder)).toEqual([]);
  });
});

describe('a step that takes long', () => {
  test('says after 2 seconds what it is, how long it has taken and what it waits for', async () => {
    const startedAtMs = performance.now();
    const line = await new Promise<string>((resolve) => {
      void withProgress(
        resolve,
        'Downloading',
        () => '3 MB so far',
        () => new Promise(() => {}),
      );
    });
    expect(line).toBe('Downloading: 2 s, 3 MB so far');
    expect(performance.now() - startedAtMs).toBeGreaterThan(1_900);
  });

  test('says nothing when it is short, nor after its end, and passes its failure on', async () => {
    vi.useFakeTimers();
    try {
      const said: string[] = [];
      const step = withProgress(
        (line) => void said.push(line),
        'Short',
        () => 'nothing',
        async () => {
          throw new Error('no');
        },
      );
      await expect(step).rejects.toThrow('no');
      await vi.advanceTimersByTimeAsync(10_000);
      expect(said).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });
});
