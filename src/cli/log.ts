// The log of a process: JSON lines on stdout, or readable ones when TEM_LOG_PRETTY is on.

import { type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

export function createLog(config: Config, name: string): Logger {
  return pino({
    name,
    level: config.log.level,
    ...(config.log.pretty && { transport: { target: 'pino-pretty' } }),
  });
}
