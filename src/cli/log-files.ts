// The log in files: a new one after each MB, a bounded number of them. A disk that is full drops lines and never holds up
// the process: they are written in the background, and what waits is bounded.

import { once } from 'node:events';
import { join, parse } from 'node:path';
import pinoRoll from 'pino-roll';
import { type Config, ConfigError } from '../config.ts';

const SIZE = '1m';
const UNWRITTEN_MAX_BYTES = 1_000_000;
const SAID_AGAIN_AFTER_MS = 60_000;
/** The disk is what may be full; everything else at the start is a wrong setting. */
const DISK_FULL = ['ENOSPC', 'EDQUOT'];

/**
 * `say` is told when lines can't be written, once a minute at most. Undefined when the disk is full already; throws a
 * ConfigError when the file can't be opened for another reason.
 */
export async function openLogFiles(
  { path, filesMax }: NonNullable<Config['log']['file']>,
  name: string,
  say: (problem: string) => void,
): Promise<NodeJS.WritableStream | undefined> {
  const { dir, name: base, ext } = parse(path);
  try {
    const stream = await pinoRoll({
      file: join(dir, `${base}-${name}`),
      extension: ext === '' ? '.log' : ext,
      size: SIZE,
      // Beside the present one, also those of processes before this.
      limit: { count: filesMax - 1, removeOtherLogFiles: true },
      mkdir: true,
      maxLength: UNWRITTEN_MAX_BYTES,
    });
    await once(stream, 'ready');
    watch(stream, say);
    return stream;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!DISK_FULL.includes(code ?? '')) throw new ConfigError(`TEM_LOG_FILE: can't be written: ${message}`);
    setImmediate(say, `no log file is written until the next start: ${message}`);
    return undefined;
  }
}

function watch(stream: NodeJS.WritableStream & { flushSync(): void }, say: (problem: string) => void): void {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  stream.on('error', (error: Error) => {
    if (performance.now() - saidAtMs < SAID_AGAIN_AFTER_MS) return;
    saidAtMs = performance.now();
    say(`the log file can not be written: ${error.message}`);
  });
  process.on('exit', () => {
    try {
      stream.flushSync();
    } catch {
      // The disk is full: nothing more can be done.
    }
  });
}
