// Reads a cron line of five fields into the values that it means. What other programs read in two ways (turned ranges, `#`,
// `L`, seconds) is refused in words that say what to write instead: a line never runs with another meaning than it had.

export interface CronLine {
  /** The line as five fields, names of days and months kept. */
  text: string;
  minutes: readonly number[];
  hours: readonly number[];
  daysOfMonth: readonly number[];
  months: readonly number[];
  /** 0 is Sunday. */
  daysOfWeek: readonly number[];
  /** No `*` and no step in minute and hour: a time of the day, not a rhythm. */
  fixed: boolean;
  /** Day of month and day of week are both given, and both must match. */
  bothDays: boolean;
}

/** A line that TEM doesn't take; the message says why and what to write. */
export class CronRefused extends Error {
  override readonly name = 'CronRefused';
}

interface Field {
  name: string;
  from: number;
  to: number;
  /** Of the first value on, in lower case. */
  names?: readonly string[];
}

const MONTH_NAMES = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
export const DAY_NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE: Field = { name: 'minute', from: 0, to: 59 };
const HOUR: Field = { name: 'hour', from: 0, to: 23 };
const DAY_OF_MONTH: Field = { name: 'day of month', from: 1, to: 31 };
const MONTH: Field = { name: 'month', from: 1, to: 12, names: MONTH_NAMES };
// 7 is Sunday too, as in every crontab.
const DAY_OF_WEEK: Field = { name: 'day of week', from: 0, to: 7, names: DAY_NAMES };

export const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const LINE_LENGTH_MAX = 400;
/** In a leap year. */
const LAST_DAY_OF_MONTH = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Throws CronRefused. */
export function parseCron(line: string): CronLine {
  const trimmed = line.trim();
  if (trimmed.length > LINE_LENGTH_MAX) throw new CronRefused(`is longer than ${LINE_LENGTH_MAX} characters`);
  const text = trimmed.startsWith('@') ? nickname(trimmed) : trimmed;
  const fields = text.split(/\s+/);
  if (fields.length !== 5) throw new CronRefused(wrongCount(text === '' ? 0 : fields.length));
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string];
  const parsed: CronLine = {
    text: fields.join(' '),
    minutes: values(minute, MINUTE),
    hours: values(hour, HOUR),
    daysOfMonth: values(dayOfMonth, DAY_OF_MONTH),
    months: values(month, MONTH),
    daysOfWeek: ascending(values(dayOfWeek, DAY_OF_WEEK).map((day) => day % 7)),
    fixed: !/[*/]/.test(minute + hour),
    bothDays: !dayOfMonth.startsWith('*') && !dayOfWeek.startsWith('*'),
  };
  if (!parsed.months.some((each) => parsed.daysOfMonth.some((day) => day <= (LAST_DAY_OF_MONTH[each] as number)))) {
    throw new CronRefused(`can never fire: no month of '${month}' has a day of '${dayOfMonth}'`);
  }
  return parsed;
}

function nickname(text: string): string {
  const line = NICKNAMES[text.toLowerCase()];
  if (line !== undefined) return line;
  if (/^@every\b/i.test(text)) throw new CronRefused(`is no cron line: write "every": "10m" in place of '${text}'`);
  if (/^@reboot\b/i.test(text)) throw new CronRefused('has no time: what runs at a start of a machine is no schedule');
  throw new CronRefused(`'${text}' is not known: there are ${Object.keys(NICKNAMES).join(', ')}`);
}

function wrongCount(count: number): string {
  if (count === 6 || count === 7) {
    return `has ${count} fields: write five (minute, hour, day of month, month, day of week), without seconds and years; for seconds use "every"`;
  }
  return `has ${count} fields: write five (minute, hour, day of month, month, day of week), such as '0 9 * * 1-5'`;
}

function values(text: string, field: Field): number[] {
  const refuse = (problem: string): never => {
    throw new CronRefused(`${field.name} '${text}' ${problem}`);
  };
  if (/[#lw?]/i.test(withoutNames(text, field))) refuse(`uses ${special(text, field)}`);
  const found = text.split(',').flatMap((item): number[] => {
    const match = /^(\*|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:\/(\d{1,4}))?$/i.exec(item);
    if (!match) return refuse(`has '${item}', which is no value, range (1-5), list (1,3) or step (*/15)`);
    const [, whole, first, last, step] = match;
    const stepBy = step === undefined ? 1 : Number(step);
    if (stepBy === 0) return refuse('has a step of 0: write 1 or more');
    if (whole === '*') return range(field.from, field === DAY_OF_WEEK ? 6 : field.to, stepBy);
    const from = readValue(first as string, field, refuse);
    if (last === undefined) {
      if (step === undefined) return [from];
      return refuse(
        `has '${item}': say where it ends, such as ${first}-${field === DAY_OF_WEEK ? 6 : field.to}/${step}`,
      );
    }
    const to = readValue(last, field, refuse);
    if (to < from) return refuse(`has the turned range '${item}': write ${spelledOut(from, to, stepBy, field)}`);
    return range(from, to, stepBy);
  });
  return ascending(found);
}

function readValue(text: string, field: Field, refuse: (problem: string) => never): number {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + field.from;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= field.from && value <= field.to) return value;
  const names = field.names === undefined ? '' : `, or ${field.names[0]} to ${field.names.at(-1)}`;
  return refuse(`has '${text}': write ${field.from} to ${field.to}${names}`);
}

/** A range that runs over its end, as a list that says the same. */
function spelledOut(from: number, to: number, step: number, field: Field): string {
  const size = field === DAY_OF_WEEK ? 7 : field.to - field.from + 1;
  const listed: number[] = [];
  for (let value = from; value <= to + size; value += step) listed.push(((value - field.from) % size) + field.from);
  return listed.join(',');
}

function withoutNames(text: string, field: Field): string {
  return (field.names ?? []).reduce((rest, name) => rest.replaceAll(new RegExp(name, 'gi'), ''), text);
}

function special(text: string, field: Field): string {
  const rest = withoutNames(text, field);
  if (rest.includes('?')) return `'?': write *`;
  if (rest.includes('#')) {
    return `'#', the n-th weekday of a month: write day of month and day of week together, both must match (the second Monday is '8-14' and '1')`;
  }
  if (/l/i.test(rest))
    return `'L', the last: it can't be said in cron; write the first day of the next month, or several schedules`;
  return `'W', the nearest working day: it can't be said in cron; write the days`;
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
}

function ascending(list: readonly number[]): number[] {
  return [...new Set(list)].sort((one, other) => one - other);
}
