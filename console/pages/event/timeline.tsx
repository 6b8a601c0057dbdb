// Everything that happened to an event, oldest first: how it came, its attempts, what it emitted and what became of that, and
// what it still waits for.

import { StateBadge, type Tone } from '../../parts/badge.tsx';
import { Moment, Time } from '../../parts/time.tsx';
import { below, href } from '../../shell/router.ts';
import { useWords } from '../../words/words.ts';
import type { EventJson } from '../events/event.ts';
import { Source } from './source.tsx';
import { words } from './words.ts';

export interface Transition {
  at: string | null;
  from: string | null;
  to: string;
  attempt: number | null;
  error: string | null;
  actor: string;
}

/** A page of GET /v1/events/{id}/emitted. */
export interface Emitted {
  events: { id: string; type: string; key: string; state: string; createdAt: string | null }[];
  nextCursor: string | null;
}

const TONES: Record<string, Tone> = {
  PROCESSING: 'busy',
  PROCESSED: 'good',
  FAILED: 'warning',
  EXTINCT: 'bad',
};
const ERROR_SHOWN_MAX = 500;

export function Timeline(props: { event: EventJson; transitions: readonly Transition[]; emitted: Emitted }) {
  const { event, transitions, emitted } = props;
  const texts = useWords(words);
  const { waiting } = event;
  const entries = [
    ...transitions.map((transition) => ({ at: transition.at, shown: <Change transition={transition} /> })),
    ...emitted.events.map((each) => ({ at: each.createdAt, shown: <Emission emitted={each} /> })),
  ];
  // Transitions first where times are equal; the sort is stable.
  entries.sort((one, other) => Date.parse(one.at ?? '') - Date.parse(other.at ?? ''));
  return (
    <ol class="timeline">
      {entries.map(({ shown }) => shown)}
      {emitted.nextCursor !== null && <li class="neutral muted">{texts.moreEmitted(emitted.events.length)}</li>}
      {waiting && (
        <li class="neutral">
          {waiting.detail} {waiting.until && <Time at={waiting.until} ahead />}
        </li>
      )}
    </ol>
  );
}

function Change({ transition: { at, from, to, attempt, error, actor } }: { transition: Transition }) {
  const texts = useWords(words);
  return (
    <li class={TONES[to] ?? 'neutral'}>
      <StateBadge state={to} /> <Moment at={at} />{' '}
      <span class="muted">
        {from === null && `${texts.acceptedAs}, `}
        <Source text={actor} />
      </span>
      {attempt !== null && <span>, {texts.attempt(attempt)}</span>}
      {error && <div class="error-text breaks">{shortened(error)}</div>}
    </li>
  );
}

/** What it caused, with the state that this has now. */
function Emission({ emitted: { id, type, key, state, createdAt } }: { emitted: Emitted['events'][number] }) {
  const texts = useWords(words);
  return (
    <li class={TONES[state] ?? 'neutral'}>
      {texts.emitted}{' '}
      <a class="breaks" href={href(below('/events', id))}>
        {key === id ? type : `${type} ${key}`}
      </a>{' '}
      <StateBadge state={state} /> {createdAt && <Moment at={createdAt} />}
    </li>
  );
}

function shortened(text: string): string {
  return text.length > ERROR_SHOWN_MAX ? `${text.slice(0, ERROR_SHOWN_MAX)}…` : text;
}
