// The exit codes of `tem`, the same for every command, and how a failure becomes one of them and one line.

import { ConfigError } from '../config.ts';
import { AlreadyRunning } from '../services/instance.ts';

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  alreadyRunning: 5,
  tooLarge: 6,
  interrupted: 130,
} as const;

export const EXIT_HELP = `
Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 3 database, Temporal or API not reachable,
            4 refused by the API (bad input, unknown id, conflict), 5 already running on this TEM_HOME,
            6 a worker that grew beyond TEM_WORKER_MAX_RSS_MB,
            130 stopped by Ctrl-C before the answer was there. With --json a failure is one JSON object on stderr:
            {"error", "exitCode", "details"}, the details as the API gave them`;

/** A failure that the person who ran the command can act on: its message is the whole output. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    readonly exitCode: number,
    message: string,
    readonly details?: unknown,
  ) {
    super(message);
  }
}

const UNREACHABLE_CODES =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|28P01|28000|3D000|57P03|53300)$/;

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof AlreadyRunning) return EXIT.alreadyRunning;
  if (error instanceof ConfigError) return EXIT.usage;
  return UNREACHABLE_CODES.test(codeOf(error)) ? EXIT.unreachable : EXIT.failed;
}

/** One line for a shell; ConfigErrors keep their line per problem. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError || error instanceof CommandError) return message;
  return (
    message
      .split('\n')
      .filter((line) => line.trim() !== '')
      .join(' | ') || codeOf(error)
  );
}

/** The same for a program: one JSON object. */
export function jsonOf(error: unknown): string {
  const details = error instanceof CommandError ? error.details : undefined;
  return JSON.stringify({
    error: messageOf(error),
    exitCode: exitCodeOf(error),
    ...(details !== undefined && { details }),
  });
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return String((error as { code?: unknown } | null)?.code ?? '');
}
