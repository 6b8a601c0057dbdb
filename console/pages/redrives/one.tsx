// One redrive: its figures, what became of each event, and pause, resume, cancel, undo.

import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import type { PageProps } from '../../page.ts';
import { Badge, StateBadge } from '../../parts/badge.tsx';
import { Facts } from '../../parts/facts.tsx';
import { type Figure, Figures } from '../../parts/figures.tsx';
import { Filters } from '../../parts/form.tsx';
import { Heading } from '../../parts/heading.tsx';
import { Failed, Loading, problemText } from '../../parts/states.tsx';
import { LiveTable } from '../../parts/table.tsx';
import { Moment } from '../../parts/time.tsx';
import { below, href, useQuery } from '../../shell/router.ts';
import { general } from '../../words/general.ts';
import { numberText, useWords } from '../../words/words.ts';
import { filterText } from '../events/event.ts';
import { REDRIVE_TONES, type Redrive } from './redrive.ts';
import { Steer } from './steer.tsx';
import { words } from './words.ts';

interface JobEvent {
  event: string;
  fromState: string;
  outcome: string | null;
  why: string | null;
}

const EVERY_MS = 2_000;
const OUTCOMES = ['begun', 'retrying', 'processed', 'failed', 'cancelled', 'skipped', 'undone'];

export function Page({ params: { id = '' } }: PageProps) {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const live = useLive(id, (signal) => call<Redrive>('GET', below('/v1/redrives', id), { signal }), {
    everyMs: EVERY_MS,
  });
  const job = live.value;
  if (!job) {
    return live.problem ? <Failed text={problemText(live.problem, generalTexts)} again={live.refresh} /> : <Loading />;
  }
  return (
    <>
      <Heading title={`${texts.one} ${filterText(job.filter)}`} live={live}>
        <Steer job={job} done={live.refresh} />
      </Heading>
      <progress max={job.matches} value={job.done} aria-label={texts.progress} />
      <Figures label={texts.progress} figures={useFigures(job)} />
      <Facts
        facts={[
          [texts.state, <Badge key="state" text={job.state} tone={REDRIVE_TONES[job.state]} />],
          [texts.action, job.action === 'retry' ? texts.retry : texts.cancelAction],
          [texts.rate, numberText(job.ratePerSecond)],
          [texts.canary, job.canary && texts.canaryText(job.canary.count, job.canary.maxFailedPercent)],
          [texts.reason, job.reason],
          [texts.why, job.skippedBecause?.map(({ why, count }) => `${why}: ${numberText(count)}`).join('; ')],
          [texts.by, job.createdBy],
          [texts.created, <Moment key="created" at={job.createdAt} />],
          [texts.ended, job.endedAt && <Moment key="ended" at={job.endedAt} />],
        ]}
      />
      <Events id={id} />
    </>
  );
}

function useFigures(job: Redrive): Figure[] {
  const texts = useWords(words);
  const { matches, done, processed, failed, skipped, cancelled, undone, action } = job;
  return [
    { name: texts.matches, value: numberText(matches) },
    { name: texts.done, value: numberText(done) },
    ...(action === 'retry'
      ? ([
          { name: texts.processed, value: numberText(processed), tone: processed > 0 ? 'good' : undefined },
          { name: texts.failed, value: numberText(failed), tone: failed > 0 ? 'bad' : undefined },
        ] satisfies Figure[])
      : [{ name: texts.cancelled, value: numberText(cancelled) }]),
    { name: texts.skipped, value: numberText(skipped) },
    ...(undone > 0 ? [{ name: texts.undone, value: numberText(undone) }] : []),
  ];
}

function Events({ id }: { id: string }) {
  const texts = useWords(words);
  const [{ outcome, cursor }] = useQuery();
  const live = useLive(`${id} ${outcome} ${cursor}`, (signal) =>
    call<{ events: JobEvent[]; nextCursor: string | null }>('GET', `${below('/v1/redrives', id)}/events`, {
      query: { outcome, cursor },
      signal,
    }),
  );
  return (
    <>
      <Filters
        filters={[
          { name: 'outcome', label: texts.outcome, choices: OUTCOMES.map((value) => ({ value, label: value })) },
        ]}
      />
      <LiveTable
        live={live}
        caption={texts.events}
        columns={[
          {
            id: 'event',
            title: texts.event,
            cell: ({ event }) => <a href={href(below('/events', event))}>{event}</a>,
          },
          { id: 'was', title: texts.was, cell: ({ fromState }) => <StateBadge state={fromState} /> },
          { id: 'outcome', title: texts.outcome, cell: ({ outcome: became, why }) => why ?? became ?? texts.waits },
        ]}
        rows={live.value?.events}
        id={({ event }) => event}
        filtered={outcome !== undefined}
        next={live.value?.nextCursor}
      />
    </>
  );
}
