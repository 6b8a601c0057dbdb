// The log of a process: JSON lines on stdout, or readable ones when TEM_LOG_PRETTY is on. A log that can't be written
// ends no attempt: lines are dropped, and a reader that has gone away is told to stdout's listeners.

import { type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

const STDOUT = 1;
// What waits for a full disk to have room again.
const UNWRITTEN_MAX_BYTES = 5_000_000;
const READER_GONE = ['EPIPE', 'EIO'];

export function createLog(config: Config, name: string): Logger {
  const output = config.log.pretty
    ? pino.transport({ target: 'pino-pretty' })
    : pino.destination({ dest: STDOUT, sync: true, maxLength: UNWRITTEN_MAX_BYTES });
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (READER_GONE.includes(error.code ?? '')) process.stdout.emit('error', error);
  });
  return pino({ name, level: config.log.level }, output);
}
