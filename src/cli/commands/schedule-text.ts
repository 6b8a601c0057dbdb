// Schedules and their runs as lines for people.

export interface ScheduleAnswer {
  id: string;
  cron: string | null;
  every: string | null;
  timeZone: string;
  type: string;
  payload: unknown;
  overlap: string;
  catchupWindow: string;
  jitter: string;
  paused: boolean;
  note: string | null;
  origin: string;
  nextRuns: string[];
  missed: number;
  counts: Record<string, number>;
  drift?: string;
  problem?: string;
  changed?: string[];
}

export function scheduleLine(schedule: ScheduleAnswer): string {
  const when = `${schedule.cron ?? `every ${schedule.every}`} ${schedule.timeZone}`;
  const next = schedule.paused
    ? `paused${schedule.note ? ` (${schedule.note})` : ''}`
    : `next ${schedule.nextRuns[0] ?? 'never'}`;
  const marks = [
    schedule.missed > 0 && `missed ${schedule.missed}`,
    schedule.drift && 'drift',
    schedule.problem && 'problem',
  ];
  return [schedule.id.padEnd(24), when.padEnd(30), schedule.type.padEnd(16), next, ...marks].filter(Boolean).join('  ');
}

export function describeSchedule(schedule: ScheduleAnswer): string {
  const { fired, skipped, missed, paused } = schedule.counts;
  const lines: [string, string | undefined][] = [
    ['when', `${schedule.cron ?? `every ${schedule.every}`}, ${schedule.timeZone}`],
    ['event', `${schedule.type} ${JSON.stringify(schedule.payload)}`],
    ['overlap', `${schedule.overlap}, catch-up window ${schedule.catchupWindow}, jitter ${schedule.jitter}`],
    [
      'origin',
      schedule.changed ? `${schedule.origin}, changed by a person: ${schedule.changed.join(', ')}` : schedule.origin,
    ],
    ['paused', schedule.paused ? `yes${schedule.note ? `: ${schedule.note}` : ''}` : undefined],
    ['next', schedule.nextRuns.slice(0, 3).join(', ') || 'never'],
    ['so far', `fired ${fired}, skipped ${skipped}, missed ${missed}, paused ${paused}`],
    ['problem', schedule.problem],
    ['drift', schedule.drift],
  ];
  const shown = lines.flatMap(([name, text]) => (text === undefined ? [] : [`  ${name.padEnd(9)}${text}`]));
  return [schedule.id, ...shown].join('\n');
}

export function runLine(run: {
  at: string;
  latenessMs: number | null;
  event: string | null;
  state: string | null;
  firedBy: string | null;
  skipped?: string;
}): string {
  if (run.skipped) return `${run.at}  ${run.skipped}`;
  return `${run.at}  ${run.state ?? 'waiting'}  ${run.latenessMs ?? 0} ms late, by ${run.firedBy}  ${run.event ?? ''}`;
}
