// A schedule and its runs, as /v1/schedules answers them.

import { call } from '../../http/client.ts';
import type { Json } from '../../http/raw-json.ts';
import type { Tone } from '../../parts/badge.tsx';
import { below } from '../../shell/router.ts';
import { language } from '../../words/words.ts';

export interface Run {
  at: string | null;
  startedAt: string | null;
  latenessMs: number | null;
  event: string | null;
  state: string | null;
  firedBy: 'temporal' | 'ledger' | 'person' | 'backfill' | null;
  skipped?: 'overlap' | 'missed' | 'paused';
  waiting?: boolean;
  moved?: boolean;
  until?: string | null;
  count?: number;
}

export interface Schedule {
  id: string;
  cron: string | null;
  every: string | null;
  timeZone: string;
  type: string;
  payload: Json;
  overlap: string;
  catchupWindow: string;
  jitter: string;
  startAt: string | null;
  endAt: string | null;
  paused: boolean;
  note: string | null;
  origin: 'data' | 'code';
  revision: number;
  nextRuns: string[];
  lastRun: Run | null;
  missed: number;
  counts: { nominal: number; fired: number; skipped: number; missed: number; paused: number };
  problem?: string;
  drift?: string;
  declaredBy?: string;
  changed?: string[];
}

export const OVERLAPS = ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'terminateOther', 'allowAll'] as const;

export function schedulePath(id: string, action?: string): string {
  return `${below('/v1/schedules', id)}${action ? `/${action}` : ''}`;
}

export function standing({ paused, problem, drift }: Schedule): {
  word: 'broken' | 'drifted' | 'paused' | 'runs';
  tone: Tone;
} {
  if (problem !== undefined) return { word: 'broken', tone: 'bad' };
  if (paused) return { word: 'paused', tone: 'warning' };
  if (drift !== undefined) return { word: 'drifted', tone: 'warning' };
  return { word: 'runs', tone: 'good' };
}

/** The wall clock of the schedule's zone; in UTC when the browser doesn't know that zone. */
export function inZone(at: string, timeZone: string): string {
  const options: Intl.DateTimeFormatOptions = {
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  };
  try {
    return new Date(at).toLocaleString(language.get(), { ...options, timeZone });
  } catch {
    return `${new Date(at).toLocaleString(language.get(), { ...options, timeZone: 'UTC' })} UTC`;
  }
}

export async function pause(id: string, note: string): Promise<void> {
  await call('POST', schedulePath(id, 'pause'), { body: note === '' ? {} : { note } });
}

export async function resume(id: string): Promise<void> {
  await call('POST', schedulePath(id, 'resume'), { body: {} });
}
