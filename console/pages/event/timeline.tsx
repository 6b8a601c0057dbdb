// Everything that happened to an event, oldest first, and what it still waits for.

import { StateBadge, type Tone } from '../../parts/badge.tsx';
import { Moment, Time } from '../../parts/time.tsx';
import { useWords } from '../../words/words.ts';
import type { EventJson } from '../events/event.ts';
import { words } from './words.ts';

export interface Transition {
  at: string | null;
  from: string | null;
  to: string;
  attempt: number | null;
  error: string | null;
  actor: string;
}

const TONES: Record<string, Tone> = {
  PROCESSING: 'busy',
  PROCESSED: 'good',
  FAILED: 'warning',
  EXTINCT: 'bad',
};
const ERROR_SHOWN_MAX = 500;

export function Timeline({ event, transitions }: { event: EventJson; transitions: readonly Transition[] }) {
  const texts = useWords(words);
  const { waiting } = event;
  return (
    <ol class="timeline">
      {transitions.map(({ at, from, to, attempt, error, actor }, index) => (
        <li key={index} class={TONES[to] ?? 'neutral'}>
          <StateBadge state={to} /> <Moment at={at} />{' '}
          <span class="muted">{from === null ? `${texts.acceptedAs}, ${actor}` : actor}</span>
          {attempt !== null && <span>, {texts.attempt(attempt)}</span>}
          {error && <div class="error-text breaks">{shortened(error)}</div>}
        </li>
      ))}
      {waiting && (
        <li class="neutral">
          {waiting.detail} {waiting.until && <Time at={waiting.until} ahead />}
        </li>
      )}
    </ol>
  );
}

function shortened(text: string): string {
  return text.length > ERROR_SHOWN_MAX ? `${text.slice(0, ERROR_SHOWN_MAX)}…` : text;
}
