// Times that come in, by HTTP, `emit` or SQL: one range for all of them, in which every time can be kept by Postgres and
// given back as RFC 3339, with its four digits of a year.

const MIN = '1970-01-01T00:00:00.000Z';
const MAX = '9999-12-31T23:59:59.999Z';
const [MIN_MS, MAX_MS] = [Date.parse(MIN), Date.parse(MAX)];
const LEAP_SECOND = /:60(\.\d+)?\s*([zZ]|[+-]\d\d:?\d\d)$/;

/** Why a time can't be kept, as the words after its name, or undefined. Anything may be asked about. */
export function refuseTime(time: unknown): string | undefined {
  const ms = time instanceof Date ? time.getTime() : Number.NaN;
  return ms >= MIN_MS && ms <= MAX_MS ? undefined : `must be a time from ${MIN} to ${MAX}`;
}

/** The time that a text in the form of RFC 3339 stands for, or why it can't be kept. */
export function readTime(text: string): Date | string {
  if (LEAP_SECOND.test(text))
    return 'must not be a leap second, which Postgres does not keep: say the second before it or after it';
  const time = new Date(text);
  return refuseTime(time) ?? time;
}
