// What a person or code says of a schedule, checked in words that say what to write instead. SQL's triggers hold the same
// rules (tem.schedule_problem); what only a calendar knows, such as a time between start and end, is checked here.

import { milliseconds } from '../duration.ts';
import { CronRefused, parseCron } from './calendar/cron.ts';
import { calendarOf } from './calendar/index.ts';
import { zoneProblem } from './calendar/zone.ts';
import { DEFAULTS, type Overlap } from './schedule.ts';

export interface ScheduleInput {
  cron?: string | undefined;
  every?: string | undefined;
  timeZone: string;
  type: string;
  payload?: unknown;
  overlap?: Overlap | undefined;
  catchupWindow?: string | undefined;
  jitter?: string | undefined;
  startAt?: string | undefined;
  endAt?: string | undefined;
  paused?: boolean | undefined;
  note?: string | undefined;
}

/** As it is written to the ledger; `undefined` of paused and note leaves what is there. */
export interface Definition {
  cron: string | null;
  everyMs: number | null;
  timeZone: string;
  type: string;
  payload: unknown;
  overlap: Overlap;
  catchupWindowMs: number;
  jitterMs: number;
  startAt: Date | null;
  endAt: Date | null;
  paused: boolean | undefined;
  note: string | null | undefined;
}

/** A definition that can't be taken; `path` is a JSON pointer into it. */
export class ScheduleRefused extends Error {
  override readonly name = 'ScheduleRefused';

  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

export const SCHEDULE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const LIMITS = {
  every: { fromMs: SECOND_MS, toMs: 366 * DAY_MS, text: 'from 1s to 366d' },
  catchupWindow: { fromMs: 10 * SECOND_MS, toMs: 366 * DAY_MS, text: 'from 10s to 366d' },
  jitter: { fromMs: 0, toMs: DAY_MS, text: 'from 0s to 24h' },
} as const;
const NOTE_BYTES_MAX = 2_000;

/** Throws ScheduleRefused. */
export function define(input: ScheduleInput): Definition {
  const definition: Definition = {
    ...rhythmOf(input),
    type: input.type,
    payload: input.payload === undefined ? {} : input.payload,
    overlap: input.overlap ?? DEFAULTS.overlap,
    catchupWindowMs: duration('catchupWindow', input.catchupWindow ?? DEFAULTS.catchupWindow),
    jitterMs: duration('jitter', input.jitter ?? DEFAULTS.jitter),
    startAt: time('startAt', input.startAt),
    endAt: time('endAt', input.endAt),
    paused: input.paused,
    note: input.note,
  };
  if (Buffer.byteLength(input.note ?? '') > NOTE_BYTES_MAX) {
    throw new ScheduleRefused('/note', `must have at most ${NOTE_BYTES_MAX} bytes`);
  }
  const { startAt, endAt } = definition;
  if (startAt && endAt && startAt >= endAt) throw new ScheduleRefused('/endAt', 'must be after startAt');
  if (startAt && endAt && !calendarOf(definition).next(startAt.getTime() - 1)) {
    throw new ScheduleRefused('/endAt', 'leaves no time between startAt and endAt: it can never fire');
  }
  return definition;
}

/** The part that says when. Throws ScheduleRefused. */
export function rhythmOf(
  input: Pick<ScheduleInput, 'cron' | 'every' | 'timeZone'>,
): Pick<Definition, 'cron' | 'everyMs' | 'timeZone'> {
  const { cron, every, timeZone } = input;
  if (cron === undefined && every === undefined) {
    throw new ScheduleRefused('/cron', `is missing: write a cron line such as '0 9 * * 1-5', or "every" such as "10m"`);
  }
  if (cron !== undefined && every !== undefined) {
    throw new ScheduleRefused('/every', 'and cron exclude each other: write one of them');
  }
  if (cron !== undefined) {
    try {
      parseCron(cron);
    } catch (error) {
      if (!(error instanceof CronRefused)) throw error;
      throw new ScheduleRefused('/cron', error.message);
    }
  }
  const zone = zoneProblem(timeZone);
  if (zone !== undefined) throw new ScheduleRefused('/timeZone', zone);
  return { cron: cron?.trim() ?? null, everyMs: every === undefined ? null : duration('every', every), timeZone };
}

function duration(name: keyof typeof LIMITS, text: string): number {
  const limit = LIMITS[name];
  let ms: number;
  try {
    ms = milliseconds(text);
  } catch (error) {
    throw new ScheduleRefused(`/${name}`, (error as Error).message);
  }
  if (ms < limit.fromMs || ms > limit.toMs)
    throw new ScheduleRefused(`/${name}`, `must be ${limit.text}, not '${text}'`);
  if (ms % SECOND_MS !== 0) throw new ScheduleRefused(`/${name}`, `must be whole seconds, not '${text}'`);
  return ms;
}

function time(name: 'startAt' | 'endAt', text: string | undefined): Date | null {
  if (text === undefined) return null;
  const date = new Date(text);
  if (!(date.getTime() >= 0)) throw new ScheduleRefused(`/${name}`, 'must be a time from 1970 on');
  return date;
}

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** In the largest unit that says it whole: `90s`, `10m`, `24h`. */
export function durationText(ms: number): string {
  const [unit, size] =
    (ms === 0 ? undefined : UNITS.find(([, each]) => ms % each === 0)) ?? (ms % 1_000 === 0 ? ['s', 1_000] : ['ms', 1]);
  return `${ms / size}${unit}`;
}
