// What a module with event types of its own imports from `tem`. Everything else is TEM's inside and may change.

export { type Static, Type } from 'typebox';
export type { Duration } from './core/duration.ts';
export { KeyConflict, LedgerUnavailable, NotRetryable, RetryAfter } from './core/errors.ts';
export {
  type CompensationContext,
  defineEventType,
  type EmitOptions,
  type EventType,
  type EventTypeDefinition,
  type EventView,
  type HandlerContext,
  type RetryPolicy,
  type Transaction,
} from './core/event-type.ts';
export type { CodeSchedule } from './core/schedule.ts';
export { defineSchedule } from './core/schedules/define-schedule.ts';
