// A schedule as the contract's JSON.

import { instant } from '../ledger/present.ts';
import { changedByPerson } from './code.ts';
import { durationText } from './definition.ts';
import { presentRun, type RunJson } from './runs.ts';
import { calendarFor, type Overlap } from './schedule.ts';
import type { StoredSchedule } from './store.ts';

const NEXT_RUNS = 10;

export interface ScheduleJson {
  id: string;
  cron: string | null;
  every: string | null;
  timeZone: string;
  type: string;
  payload: unknown;
  overlap: Overlap;
  catchupWindow: string;
  jitter: string;
  startAt: string | null;
  endAt: string | null;
  paused: boolean;
  note: string | null;
  origin: 'data' | 'code';
  revision: number;
  createdAt: string | null;
  updatedAt: string | null;
  /** The next nominal times in UTC, also while it is paused. */
  nextRuns: string[];
  lastRun: RunJson | null;
  /** Nominal times that were missed. */
  missed: number;
  /** Each nominal time so far is in exactly one of the others. */
  counts: { nominal: number; fired: number; skipped: number; missed: number; paused: number };
  problem?: string;
  drift?: string;
  declaredBy?: string;
  /** Fields that a person changed of what code declares. */
  changed?: string[];
}

export function presentSchedule(row: StoredSchedule, payload: unknown = row.payload): ScheduleJson {
  const { fired, skipped, missed, pausedTimes } = row;
  const changed = changedByPerson(row).map((member) => member.replace(/Ms$/, ''));
  return {
    id: row.id,
    cron: row.cron,
    every: row.everyMs === null ? null : durationText(row.everyMs),
    timeZone: row.timeZone,
    type: row.type,
    payload,
    overlap: row.overlap,
    catchupWindow: durationText(row.catchupWindowMs),
    jitter: durationText(row.jitterMs),
    startAt: instant(row.startAt),
    endAt: instant(row.endAt),
    paused: row.paused,
    note: row.note,
    origin: row.origin,
    revision: row.revision,
    createdAt: instant(row.createdAt),
    updatedAt: instant(row.updatedAt),
    nextRuns: nextRuns(row, Date.now(), NEXT_RUNS),
    lastRun: row.lastRun && presentRun(row.lastRun),
    missed,
    counts: { nominal: fired + skipped + missed + pausedTimes, fired, skipped, missed, paused: pausedTimes },
    ...(row.problem !== null && { problem: row.problem }),
    ...(row.drift !== null && { drift: row.drift }),
    ...(row.declaredBy !== null && { declaredBy: row.declaredBy }),
    ...(changed.length > 0 && { changed }),
  };
}

function nextRuns(row: StoredSchedule, after: number, count: number): string[] {
  try {
    const times = calendarFor(row).times(after);
    const found: string[] = [];
    for (const { at } of times) {
      found.push(new Date(at).toISOString());
      if (found.length === count) break;
    }
    return found;
  } catch {
    return [];
  }
}
