// What a module of TEM_EVENT_TYPES exports beside its event types: a schedule of its own.

import type { CodeSchedule } from '../schedule.ts';
import { declaredOf } from './code.ts';

export interface DefinedSchedule extends CodeSchedule {
  readonly kind: 'tem.schedule';
}

/** Checks it at once. Throws a RangeError that names the schedule and what is wrong. */
export function defineSchedule(schedule: CodeSchedule): DefinedSchedule {
  declaredOf(schedule);
  return { ...schedule, kind: 'tem.schedule' };
}

/** Whether a module's export is a schedule. */
export function isSchedule(value: unknown): value is DefinedSchedule {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'tem.schedule';
}
