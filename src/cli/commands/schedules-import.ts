// `tem schedules import`: every schedule of a file, each by a call of its own; what is refused is said, the others are added.

import { readCeleryBeat } from '../../core/schedules/import/celery.ts';
import { readCrontab } from '../../core/schedules/import/crontab.ts';
import type { Importing, ImportResult } from '../../core/schedules/import/imported.ts';
import type { ApiClient } from '../api-client.ts';
import { CommandError, EXIT } from '../exit-codes.ts';

interface ImportOptions {
  timeZone: string;
  type?: string;
  paused?: boolean;
  dryRun?: boolean;
}

export async function importSchedules(
  client: ApiClient,
  format: string,
  text: string,
  options: ImportOptions,
): Promise<void> {
  const { schedules, refused } = read(format, text, options);
  const problems = refused.map(({ where, problem }) => `${where}: ${problem}`);
  for (const schedule of schedules) {
    if (options.dryRun) process.stdout.write(`${JSON.stringify(schedule)}\n`);
    else {
      try {
        await client.request('POST', '/v1/schedules', JSON.stringify(schedule));
        process.stdout.write(`added ${schedule.id}\n`);
      } catch (error) {
        if (!(error instanceof CommandError) || error.exitCode !== EXIT.refused) throw error;
        problems.push(`${schedule.id}: ${error.message}`);
      }
    }
  }
  if (problems.length > 0) throw new CommandError(EXIT.refused, problems.join('\n'));
}

function read(format: string, text: string, { timeZone, type, paused = false }: ImportOptions): ImportResult {
  if (format === 'json') return { schedules: parse(text) as ImportResult['schedules'], refused: [] };
  if (format !== 'crontab' && format !== 'celery')
    throw new CommandError(EXIT.usage, `'${format}' is no format: there are crontab, celery and json`);
  if (type === undefined)
    throw new CommandError(EXIT.usage, '--type is missing: name the event type that these schedules make');
  const importing: Importing = { timeZone, type, paused };
  if (format === 'crontab') return readCrontab(text, importing);
  try {
    return readCeleryBeat(text, importing);
  } catch (error) {
    throw new CommandError(EXIT.usage, `the file ${(error as Error).message}`);
  }
}

function parse(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw new CommandError(EXIT.usage, 'the file is no list of schedules, as tem schedules export writes it');
}
