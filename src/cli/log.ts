// The log of a process: JSON lines on stdout, or readable ones when TEM_LOG_PRETTY is on, and in files when TEM_LOG_FILE
// names one. A log that can't be written ends no attempt: lines are dropped, and a reader that has gone away is told to
// stdout's listeners.

import { type DestinationStream, type Level, type Logger, multistream, pino } from 'pino';
import type { Config } from '../config.ts';
import { openLogFiles } from './log-files.ts';

const STDOUT = 1;
// What waits for a full disk to have room again.
const UNWRITTEN_MAX_BYTES = 5_000_000;
const READER_GONE = ['EPIPE', 'EIO'];

/** Throws a ConfigError when the files can't be written. */
export async function createLog(config: Config, name: string): Promise<Logger> {
  const output = config.log.pretty
    ? pino.transport({ target: 'pino-pretty' })
    : pino.destination({ dest: STDOUT, sync: true, maxLength: UNWRITTEN_MAX_BYTES });
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (READER_GONE.includes(error.code ?? '')) process.stdout.emit('error', error);
  });
  const { level, file } = config.log;
  if (!file) return pino({ name, level }, output);
  const log = pino(
    { name, level: lower(level, file.level) },
    multistream([
      ...streamOf(level, output),
      ...streamOf(file.level, await openLogFiles(file, name, (problem) => log.warn(problem))),
    ]),
  );
  return log;
}

function streamOf(level: string, stream: DestinationStream | undefined): { level: Level; stream: DestinationStream }[] {
  return level === 'silent' || stream === undefined ? [] : [{ level: level as Level, stream }];
}

function lower(one: string, other: string): string {
  const value = (level: string): number => pino.levels.values[level] ?? Number.POSITIVE_INFINITY;
  return value(one) < value(other) ? one : other;
}
