// A dump of django-celery-beat (`manage.py dumpdata django_celery_beat`) as schedules. Celery's crontab wants all of its
// fields to match, as TEM does, so a line keeps its meaning.

import { CronRefused, parseCron } from '../calendar/cron.ts';
import { type ImportedSchedule, type Importing, type ImportResult, refusal, slug, unique } from './imported.ts';

interface Entry {
  model: string;
  pk: unknown;
  fields: Record<string, unknown>;
}

const UNITS: Readonly<Record<string, [count: number, unit: string]>> = {
  days: [24, 'h'],
  hours: [1, 'h'],
  minutes: [1, 'm'],
  seconds: [1, 's'],
};

/** Throws a SyntaxError or a TypeError for what is no such dump. */
export function readCeleryBeat(text: string, importing: Importing): ImportResult {
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) throw new TypeError('is no dump: it must be a list of {"model", "pk", "fields"}');
  const dump = entries.filter(isEntry);
  const find = (model: string, pk: unknown): Entry | undefined =>
    dump.find((entry) => entry.model === `django_celery_beat.${model}` && String(entry.pk) === String(pk));
  const result: ImportResult = { schedules: [], refused: [] };
  for (const { fields } of dump.filter(({ model }) => model === 'django_celery_beat.periodictask')) {
    const name = String(fields.name ?? '');
    if (name === 'celery.backend_cleanup') continue;
    try {
      const schedule: ImportedSchedule = {
        id: unique(slug(name, 'task'), result.schedules),
        ...rhythmOf(fields, find, importing),
        type: importing.type,
        payload: { task: fields.task, args: parsed(fields.args, []), kwargs: parsed(fields.kwargs, {}) },
        ...(typeof fields.start_time === 'string' && { startAt: fields.start_time }),
        ...(typeof fields.expires === 'string' && { endAt: fields.expires }),
        ...((importing.paused || fields.enabled === false) && { paused: true }),
        ...(fields.description ? { note: String(fields.description) } : {}),
      };
      result.schedules.push(schedule);
    } catch (error) {
      if (!(error instanceof CronRefused)) throw error;
      result.refused.push(refusal(name, error.message));
    }
  }
  return result;
}

/** Throws CronRefused for what TEM has no word for. */
function rhythmOf(
  fields: Entry['fields'],
  find: (model: string, pk: unknown) => Entry | undefined,
  importing: Importing,
): Pick<ImportedSchedule, 'cron' | 'every' | 'timeZone'> {
  const { timeZone } = importing;
  if (fields.one_off === true) throw new CronRefused('runs once: send an event with runAt instead');
  const crontab = find('crontabschedule', fields.crontab)?.fields;
  if (crontab) {
    const members = ['minute', 'hour', 'day_of_month', 'month_of_year', 'day_of_week'];
    const cron = members.map((member) => String(crontab[member] ?? '*').replace(/\s+/g, '')).join(' ');
    return { cron: parseCron(cron).text, timeZone: String(crontab.timezone ?? timeZone) };
  }
  const interval = find('intervalschedule', fields.interval)?.fields;
  const unit = UNITS[String(interval?.period)];
  if (interval && unit) return { every: `${Number(interval.every) * unit[0]}${unit[1]}`, timeZone };
  if (interval) throw new CronRefused(`has the period ${interval.period}: a second is the least`);
  throw new CronRefused('has no crontab and no interval: solar and clocked schedules have no form here');
}

function parsed(text: unknown, fallback: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : fallback;
  } catch {
    return text;
  }
}

function isEntry(value: unknown): value is Entry {
  const { model, fields } = (value ?? {}) as Partial<Entry>;
  return typeof model === 'string' && typeof fields === 'object' && fields !== null;
}
