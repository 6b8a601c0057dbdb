// The offsets of a time zone, as spans of time with one offset each. Found with Intl once for a zone and year: asking Intl
// for every instant would cost more than everything else of a calendar.

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** No zone has changed twice within this time; the property test looks at all of them. */
const PROBE_EVERY_MS = 6 * DAY_MS;
const YEARS_KEPT_MAX = 5_000;

export interface OffsetSpan {
  /** Unix milliseconds, inclusive. */
  from: number;
  /** Exclusive. */
  to: number;
  /** Local time minus UTC, in milliseconds. */
  offsetMs: number;
}

export interface Zone {
  /** As Intl writes it. */
  name: string;
  offsetAt(at: number): number;
  /** The spans that touch the time from `from` to `to`, in order, cut to whole years. */
  spans(from: number, to: number): OffsetSpan[];
}

const zones = new Map<string, Zone>();

/** Whether Intl knows the name; abbreviations and offsets are no zones, because they don't say when clocks change. */
export function isTimeZone(name: string): boolean {
  return zoneProblem(name) === undefined;
}

/** Why it isn't one, in words that say what to write. */
export function zoneProblem(name: string): string | undefined {
  if (/^[+-]/.test(name) || (!name.includes('/') && !/^(utc|gmt)$/i.test(name))) {
    return `'${name}' is not a time zone: write a name of the IANA database such as Europe/Berlin, or UTC`;
  }
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return undefined;
  } catch {
    return `'${name}' is not a time zone that is known here: write a name of the IANA database such as Europe/Berlin`;
  }
}

/** Throws a RangeError for a name that is none. */
export function zoneOf(name: string): Zone {
  const known = zones.get(name);
  if (known) return known;
  const made = createZone(name);
  zones.set(name, made);
  return made;
}

function createZone(name: string): Zone {
  const offsetAt = offsetReader(name);
  const years = new Map<number, OffsetSpan[]>();
  const yearSpans = (year: number): OffsetSpan[] => {
    const known = years.get(year);
    if (known) return known;
    if (years.size >= YEARS_KEPT_MAX) years.clear();
    const found = findSpans(startOfYear(year), startOfYear(year + 1), offsetAt);
    years.set(year, found);
    return found;
  };
  const spans = (from: number, to: number): OffsetSpan[] => {
    const found: OffsetSpan[] = [];
    const last = new Date(to).getUTCFullYear();
    for (let year = new Date(from).getUTCFullYear(); year <= last; year += 1) {
      for (const span of yearSpans(year)) {
        if (span.to <= from || span.from > to) continue;
        const before = found.at(-1);
        if (before?.offsetMs === span.offsetMs) before.to = span.to;
        else found.push({ ...span });
      }
    }
    return found;
  };
  return { name, spans, offsetAt: (at) => spans(at, at)[0]?.offsetMs ?? 0 };
}

function findSpans(from: number, to: number, offsetAt: (at: number) => number): OffsetSpan[] {
  const found: OffsetSpan[] = [{ from, to, offsetMs: offsetAt(from) }];
  for (let at = from; at < to; ) {
    const next = Math.min(at + PROBE_EVERY_MS, to);
    const current = found.at(-1) as OffsetSpan;
    const offsetMs = offsetAt(next);
    if (offsetMs !== current.offsetMs) {
      current.to = changeBetween(at, next, current.offsetMs, offsetAt);
      if (current.to < to) found.push({ from: current.to, to, offsetMs });
    }
    at = next;
  }
  return found;
}

function changeBetween(from: number, to: number, offsetMs: number, offsetAt: (at: number) => number): number {
  let [before, after] = [from, to];
  while (after - before > MINUTE_MS) {
    const middle = Math.floor((before + after) / 2 / MINUTE_MS) * MINUTE_MS;
    if (offsetAt(middle) === offsetMs) before = middle;
    else after = middle;
  }
  return after;
}

function startOfYear(year: number): number {
  return Date.UTC(year, 0, 1);
}

// The day of the month tells which side of midnight the local time is on: offsets are shorter than a day.
function offsetReader(name: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (at) => {
    const [day, hour, minute] = (format.format(at).match(/\d+/g) as string[]).map(Number) as [number, number, number];
    const utc = new Date(at);
    const aheadDays = day - utc.getUTCDate();
    const days = aheadDays > 1 ? -1 : aheadDays < -1 ? 1 : aheadDays;
    return days * DAY_MS + (hour - utc.getUTCHours()) * HOUR_MS + (minute - utc.getUTCMinutes()) * MINUTE_MS;
  };
}
