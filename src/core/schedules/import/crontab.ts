// A crontab file as schedules. In a crontab, day of month and day of week both given mean either; here both must match: such
// a line becomes two schedules, never one with another meaning. What a line runs becomes the payload, for a type to be named.

import { CronRefused, parseCron } from '../calendar/cron.ts';
import { type ImportedSchedule, type Importing, type ImportResult, refusal, slug, unique } from './imported.ts';

const NICKNAMED = /^(@\w+)\s+(.*)$/;
const FIELDS = /^((?:\S+\s+){5})(.*)$/;
const SETTING = /^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/;

/** `timeZone` is that of the machine whose crontab it is; a CRON_TZ in the file replaces it from there on. */
export function readCrontab(text: string, importing: Importing): ImportResult {
  const result: ImportResult = { schedules: [], refused: [] };
  let { timeZone } = importing;
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const setting = SETTING.exec(line);
    if (setting) {
      if (setting[1] === 'CRON_TZ') timeZone = (setting[2] as string).replace(/^["']|["']$/g, '');
      return;
    }
    const [, fields = '', command = ''] = NICKNAMED.exec(line) ?? FIELDS.exec(line) ?? [];
    const where = `line ${index + 1}`;
    if (fields === '' || command === '') {
      result.refused.push({ where, problem: 'is no line of a crontab: five fields and a command' });
      return;
    }
    try {
      const id = slug(command, `crontab-${index + 1}`);
      for (const cron of eitherDay(fields.trim())) {
        const schedule: ImportedSchedule = { id, cron, timeZone, type: importing.type, payload: { command } };
        result.schedules.push({
          ...schedule,
          id: unique(id, result.schedules),
          ...(importing.paused && { paused: true }),
        });
      }
    } catch (error) {
      if (!(error instanceof CronRefused)) throw error;
      result.refused.push(refusal(where, error.message));
    }
  });
  return result;
}

/** One line, or two when it means either of its days. */
function eitherDay(fields: string): string[] {
  const { bothDays, text } = parseCron(fields);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = text.split(' ');
  if (!bothDays) return [fields];
  return [`${minute} ${hour} ${dayOfMonth} ${month} *`, `${minute} ${hour} * ${month} ${dayOfWeek}`];
}
