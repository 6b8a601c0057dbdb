// The shapes of what the schedule routes take and answer.

import { type Static, type TSchema, Type } from 'typebox';
import { TYPE_NAME_PATTERN } from '../../core/event-type.ts';
import { OVERLAPS } from '../../core/schedules/schedule.ts';

const closed = { additionalProperties: false } as const;
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
const Duration = Type.String({ maxLength: 40, examples: ['10m'] });
const rhythm = {
  cron: Type.Optional(
    Type.String({
      maxLength: 400,
      description: 'Five fields, or @daily and its like. Day of month and day of week both given: both must match.',
      examples: ['0 9 * * 1-5'],
    }),
  ),
  every: Type.Optional(
    Type.String({
      maxLength: 40,
      description: 'In place of cron: elapsed time, multiples since 1970-01-01T00:00Z; 1s at least.',
      examples: ['10m'],
    }),
  ),
  timeZone: Type.String({ maxLength: 100, description: 'A name of the IANA database.', examples: ['Europe/Berlin'] }),
};
const definition = {
  ...rhythm,
  type: Type.String({ pattern: TYPE_NAME_PATTERN, description: 'The event that a firing makes.' }),
  payload: Type.Optional(
    Type.Unknown({
      description:
        'Texts in it may hold {{nominalTime}}, {{previousNominalTime}}, {{localDate}} and {{scheduleId}}; {{{{x}}}} goes out as {{x}}. Default: {}.',
    }),
  ),
  overlap: Type.Optional(
    Type.Unsafe<(typeof OVERLAPS)[number]>({
      type: 'string',
      enum: [...OVERLAPS],
      description: "While the event of a firing before hasn't ended. Default: skip.",
    }),
  ),
  catchupWindow: Type.Optional(
    Type.String({ ...Duration, description: 'How late a firing may still be made up for. Default: 10m.' }),
  ),
  jitter: Type.Optional(
    Type.String({ ...Duration, description: 'Spreads firings over this time after the nominal one. Default: 0s.' }),
  ),
  startAt: Type.Optional(Time),
  endAt: Type.Optional(Time),
  paused: Type.Optional(Type.Boolean({ description: 'Absent: false, and on PUT as it is.' })),
  note: Type.Optional(Type.String({ maxLength: 2_000 })),
};

export const NewSchedule = Type.Object({ id: Type.String({ maxLength: 128 }), ...definition }, closed);
export const ChangedSchedule = Type.Object(
  { id: Type.Optional(Type.String({ maxLength: 128 })), ...definition },
  closed,
);
export type NewSchedule = Static<typeof NewSchedule>;
export type ChangedSchedule = Static<typeof ChangedSchedule>;

export const PauseBody = Type.Object({ note: Type.Optional(Type.String({ maxLength: 2_000 })) }, closed);
export const BackfillBody = Type.Object(
  {
    from: Time,
    to: Time,
    rerun: Type.Optional(Type.Boolean({ description: 'Also those that have fired, once more.' })),
  },
  closed,
);
export const PreviewBody = Type.Object(
  {
    ...rhythm,
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 10 })),
    from: Type.Optional(Time),
  },
  closed,
);

export const Run = Type.Object({
  at: nullable(Time),
  startedAt: nullable(Time),
  latenessMs: nullable(Type.Integer()),
  event: nullable(Type.String({ format: 'uuid' })),
  state: nullable(Type.String()),
  firedBy: nullable(Type.String({ enum: ['temporal', 'ledger', 'person', 'backfill'] })),
  skipped: Type.Optional(Type.String({ enum: ['overlap', 'missed', 'paused'] })),
  waiting: Type.Optional(Type.Boolean({ description: 'Waits for the event of the firing before it to end.' })),
  moved: Type.Optional(
    Type.Boolean({ description: "The wall clock's time didn't exist that day: the first instant after the gap." }),
  ),
  until: Type.Optional(nullable(Time)),
  count: Type.Optional(Type.Integer({ description: 'The entry stands for so many times from `at` to `until`.' })),
});

export const ScheduleAnswer = Type.Object({
  id: Type.String(),
  cron: nullable(Type.String()),
  every: nullable(Type.String()),
  timeZone: Type.String(),
  type: Type.String(),
  payload: Type.Unknown(),
  overlap: Type.String(),
  catchupWindow: Type.String(),
  jitter: Type.String(),
  startAt: nullable(Time),
  endAt: nullable(Time),
  paused: Type.Boolean(),
  note: nullable(Type.String()),
  origin: Type.String({ enum: ['data', 'code'] }),
  revision: Type.Integer({ description: 'Also the ETag.' }),
  createdAt: nullable(Time),
  updatedAt: nullable(Time),
  nextRuns: Type.Array(Time, { description: 'The next 10 nominal times, also while it is paused.' }),
  lastRun: nullable(Run),
  missed: Type.Integer({ description: 'Nominal times that were missed.' }),
  counts: Type.Object({
    nominal: Type.Integer({ description: 'Accounted for so far; the sum of the others.' }),
    fired: Type.Integer(),
    skipped: Type.Integer(),
    missed: Type.Integer(),
    paused: Type.Integer(),
  }),
  problem: Type.Optional(Type.String({ description: "Why it can't be read; it doesn't fire." })),
  drift: Type.Optional(Type.String({ description: 'In what Temporal differs from the row, until that is mended.' })),
  declaredBy: Type.Optional(Type.String()),
  changed: Type.Optional(
    Type.Array(Type.String(), { description: 'Fields that a person changed of what code declares.' }),
  ),
});
export const SchedulePage = Type.Object({ schedules: Type.Array(ScheduleAnswer), nextCursor: nullable(Type.String()) });
export const RunPage = Type.Object({ runs: Type.Array(Run), nextCursor: nullable(Type.String()) });

export const PreviewAnswer = Type.Object({
  words: Type.String({ description: 'When it fires, in words.' }),
  runs: Type.Array(
    Type.Object({
      at: Time,
      local: Type.String({ description: 'The wall clock.', examples: ['2027-03-28 03:00'] }),
      offset: Type.String({ examples: ['+02:00'] }),
      gap: nullable(Type.String({ description: 'Since the one before.' })),
      moved: Type.Optional(Type.Boolean()),
    }),
  ),
  missingDays: Type.Array(Type.String(), { description: "Days that the zone doesn't have: nothing fires on them." }),
});

const page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })),
  cursor: Type.Optional(Type.String({ maxLength: 400, description: 'nextCursor of the page before.' })),
};
export const ScheduleQuery = Type.Object(
  {
    origin: Type.Optional(Type.Unsafe<'data' | 'code'>({ type: 'string', enum: ['data', 'code'] })),
    type: Type.Optional(Type.String({ maxLength: 128 })),
    ...page,
  },
  closed,
);
export const RunQuery = Type.Object({ from: Type.Optional(Time), to: Type.Optional(Time), ...page }, closed);
export const HistoryQuery = Type.Object({ ...page }, closed);
export const HistoryAnswer = Type.Object({
  changes: Type.Array(
    Type.Object({
      at: nullable(Time),
      actor: Type.String(),
      action: Type.String(),
      before: Type.Unknown(),
      after: Type.Unknown(),
      detail: nullable(Type.String()),
    }),
  ),
  nextCursor: nullable(Type.String()),
});
