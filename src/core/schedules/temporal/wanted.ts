// What Temporal should hold of a schedule, built whole from the row: a schedule is never edited from what Temporal gave, which
// would keep old calendars (case S8). And in what the one that Temporal holds differs from that.

import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { NICKNAMES } from '../calendar/cron.ts';
import { calendarFor, type Schedule } from '../schedule.ts';

type WorkflowService = Client['workflowService'];
export type TemporalSchedule = NonNullable<Parameters<WorkflowService['createSchedule']>[0]['schedule']>;
export type TemporalSpec = NonNullable<TemporalSchedule['spec']>;
type Spans = NonNullable<NonNullable<TemporalSpec['structuredCalendar']>[number]['minute']>;

/** The durable names of what Temporal starts. */
export const FIRING_WORKFLOW = 'scheduleFiring';
export const FIRING_ID_PREFIX = 'tem-schedule/';
const RECONCILE_WORKFLOW = 'reconcile';
/** The ledger's look takes what a firing hasn't taken by then. */
const FIRING_TIMEOUT_S = 60;
const RECONCILE_TIMEOUT_S = 300;
// temporal.api.enums.v1.ScheduleOverlapPolicy: the ledger decides about events, Temporal only about TEM's own work.
const ALLOW_ALL = 6;
const SKIP = 1;
const MEMO = 'tem';
const NOTE_BYTES_MAX = 1_000;

export interface Ownership {
  ledgerId: string;
  taskQueue: string;
}

export function wantedSchedule(schedule: Schedule, { ledgerId, taskQueue }: Ownership): TemporalSchedule {
  const fires = schedule.action === 'event';
  return {
    spec: wantedSpec(schedule),
    action: {
      startWorkflow: {
        workflowId: fires ? FIRING_ID_PREFIX + schedule.id : schedule.id,
        workflowType: { name: fires ? FIRING_WORKFLOW : RECONCILE_WORKFLOW },
        taskQueue: { name: taskQueue },
        input: {
          payloads: [defaultPayloadConverter.toPayload(fires ? { schedule: schedule.id } : { ledger: ledgerId })],
        },
        workflowRunTimeout: seconds(fires ? FIRING_TIMEOUT_S : RECONCILE_TIMEOUT_S),
      },
    },
    policies: {
      overlapPolicy: fires ? ALLOW_ALL : SKIP,
      catchupWindow: seconds(schedule.catchupWindowMs / 1_000),
      pauseOnFailure: false,
    },
    state: { paused: schedule.paused, notes: temporalNote(schedule.note) },
  };
}

/** Temporal refuses longer notes; the row keeps the whole one. */
export function temporalNote(note: string | null): string {
  const bytes = Buffer.from(note ?? '');
  if (bytes.length <= NOTE_BYTES_MAX) return note ?? '';
  // What is left of a character at the end isn't one.
  return bytes
    .subarray(0, NOTE_BYTES_MAX)
    .toString()
    .replace(/\ufffd+$/, '');
}

function wantedSpec(schedule: Schedule): TemporalSpec {
  const { cron, zone } = calendarFor(schedule);
  return {
    ...(cron && {
      structuredCalendar: [
        {
          second: spans([0]),
          minute: spans(cron.minutes),
          hour: spans(cron.hours),
          dayOfMonth: spans(cron.daysOfMonth),
          month: spans(cron.months),
          dayOfWeek: spans(cron.daysOfWeek),
          comment: nickname(schedule.cron as string) ?? cron.text,
        },
      ],
    }),
    ...(schedule.everyMs !== null && {
      interval: [{ interval: seconds(schedule.everyMs / 1_000), phase: seconds(0) }],
    }),
    ...(schedule.startAt && { startTime: instant(schedule.startAt) }),
    ...(schedule.endAt && { endTime: instant(schedule.endAt) }),
    jitter: seconds(schedule.jitterMs / 1_000),
    timezoneName: new Intl.DateTimeFormat('en-US', { timeZone: zone.name }).resolvedOptions().timeZone,
  };
}

function nickname(line: string): string | undefined {
  const name = line.trim().toLowerCase();
  return Object.hasOwn(NICKNAMES, name) ? name : undefined;
}

/** Values that follow each other as one range. */
function spans(values: readonly number[]): Spans {
  const found: { start: number; end: number; step: number }[] = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last && last.end === value - 1) last.end = value;
    else found.push({ start: value, end: value, step: 1 });
  }
  return found;
}

// Protobuf's 64-bit integers: the client takes numbers, its types want Long.
function seconds(value: number): never {
  const whole = Math.trunc(value);
  return { seconds: whole, nanos: Math.round((value - whole) * 1e9) } as never;
}

function instant(time: Date): never {
  return seconds(time.getTime() / 1_000);
}

export type Difference = 'spec' | 'action' | 'taskQueue' | 'policies' | 'paused' | 'note';

/** In what `held` differs from what is wanted. */
export function differences(wanted: TemporalSchedule, held: TemporalSchedule): Difference[] {
  const parts: [Difference, (schedule: TemporalSchedule) => unknown][] = [
    ['spec', ({ spec }) => comparableSpec(spec)],
    ['action', ({ action }) => comparableAction(action)],
    ['taskQueue', ({ action }) => action?.startWorkflow?.taskQueue?.name ?? ''],
    [
      'policies',
      ({ policies }) => [policies?.overlapPolicy, number(policies?.catchupWindow), Boolean(policies?.pauseOnFailure)],
    ],
    ['paused', ({ state }) => [Boolean(state?.paused), Boolean(state?.limitedActions)]],
    ['note', ({ state }) => state?.notes ?? ''],
  ];
  return parts
    .filter(([, read]) => JSON.stringify(read(wanted)) !== JSON.stringify(read(held)))
    .map(([difference]) => difference);
}

/** A spec in one form, however the server writes its ranges. */
export function comparableSpec(spec: TemporalSpec | null | undefined): unknown {
  const calendars = (spec?.structuredCalendar ?? []).map((calendar) => [
    values(calendar.second),
    values(calendar.minute),
    values(calendar.hour),
    values(calendar.dayOfMonth),
    values(calendar.month),
    values(calendar.dayOfWeek),
    values(calendar.year),
  ]);
  return {
    calendars,
    intervals: (spec?.interval ?? []).map(({ interval, phase }) => [number(interval), number(phase)]),
    others: [spec?.calendar, spec?.cronString, spec?.excludeCalendar, spec?.excludeStructuredCalendar].map(
      (list) => list?.length ?? 0,
    ),
    startTime: number(spec?.startTime),
    endTime: number(spec?.endTime),
    jitter: number(spec?.jitter),
    timeZone: spec?.timezoneName ?? '',
  };
}

function comparableAction(action: TemporalSchedule['action']): unknown {
  const start = action?.startWorkflow;
  const inputs = (start?.input?.payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString());
  return [start?.workflowId ?? '', start?.workflowType?.name ?? '', inputs, number(start?.workflowRunTimeout)];
}

const RANGE_VALUES_MAX = 3_000;

function values(ranges: Spans | null | undefined): number[] {
  const found = new Set<number>();
  for (const { start, end, step } of ranges ?? []) {
    const from = start ?? 0;
    for (let value = from; value <= Math.max(from, end ?? 0) && found.size < RANGE_VALUES_MAX; value += step || 1)
      found.add(value);
  }
  return [...found].sort((one, other) => one - other);
}

/** Seconds of a protobuf duration or time; nothing and 0 are the same. */
function number(value: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(value?.seconds ?? 0) + (value?.nanos ?? 0) / 1e9;
}

/** The memo by which TEM knows its schedules in a namespace that others may use too. */
export function ownMemo(ledgerId: string) {
  return { fields: { [MEMO]: defaultPayloadConverter.toPayload({ ledger: ledgerId }) } };
}

export function isOwn(memo: { fields?: Record<string, unknown> | null } | null | undefined, ledgerId: string): boolean {
  const payload = memo?.fields?.[MEMO];
  if (!payload) return false;
  try {
    return (defaultPayloadConverter.fromPayload(payload as never) as { ledger?: unknown }).ledger === ledgerId;
  } catch {
    return false;
  }
}
