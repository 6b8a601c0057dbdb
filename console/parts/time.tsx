// Times and durations in words. Ages come from the database's clock and are never negative; the whole time with its zone is
// in the title.

import { now, seconds } from '../live/clock.ts';
import { useStore } from '../live/store.ts';
import { language } from '../words/words.ts';

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** `at`: RFC 3339, or null for none. `ahead`: a time that lies ahead is told so; others never do. */
export function Time({ at, ahead = false }: { at: string | null | undefined; ahead?: boolean }) {
  useStore(seconds);
  useStore(language);
  if (!at) return <span class="muted">–</span>;
  const passedMs = now() - Date.parse(at);
  return (
    <time dateTime={at} title={wholeTime(at)}>
      {relative(ahead ? passedMs : Math.max(0, passedMs))}
    </time>
  );
}

/** The same for places where the moment counts more than the age. */
export function Moment({ at }: { at: string | null | undefined }) {
  useStore(language);
  if (!at) return <span class="muted">–</span>;
  return (
    <time dateTime={at} title={at}>
      {wholeTime(at)}
    </time>
  );
}

/** Date, time and zone of this browser. */
export function wholeTime(at: string): string {
  return new Date(at).toLocaleString(language.get(), {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
}

function relative(passedMs: number): string {
  const format = new Intl.RelativeTimeFormat(language.get(), { numeric: 'auto', style: 'short' });
  for (const [unit, ms] of UNITS) {
    if (Math.abs(passedMs) >= ms || unit === 'second') return format.format(-Math.trunc(passedMs / ms), unit);
  }
  return '';
}

/** 850 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 4 d 3 h. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toLocaleString(language.get(), { maximumFractionDigits: 1 })} s`;
  const pair = (large: number, big: string, small: number, little: string): string => {
    const rest = Math.floor((ms % large) / small);
    return `${Math.floor(ms / large)} ${big}${rest > 0 ? ` ${rest} ${little}` : ''}`;
  };
  const turkish = language.get() === 'tr';
  if (ms < 3_600_000) return pair(60_000, turkish ? 'dk' : 'min', 1_000, turkish ? 'sn' : 's');
  if (ms < 86_400_000) return pair(3_600_000, turkish ? 'sa' : 'h', 60_000, turkish ? 'dk' : 'min');
  return pair(86_400_000, turkish ? 'g' : 'd', 3_600_000, turkish ? 'sa' : 'h');
}
