// One schedule: its next runs on its own clock, how late it was, and what became of every time.

import { call } from '../../http/client.ts';
import { type Live, useLive } from '../../live/use-live.ts';
import type { PageProps } from '../../page.ts';
import { Badge, StateBadge } from '../../parts/badge.tsx';
import { Chart } from '../../parts/chart.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Figures } from '../../parts/figures.tsx';
import { Heading } from '../../parts/heading.tsx';
import { JsonView } from '../../parts/json-view.tsx';
import { Failed, Loading, problemText } from '../../parts/states.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { durationText, Moment, Time } from '../../parts/time.tsx';
import { below, href, useQuery } from '../../shell/router.ts';
import { general } from '../../words/general.ts';
import { numberText, useWords } from '../../words/words.ts';
import { Actions } from './actions.tsx';
import { inZone, type Run, type Schedule, schedulePath, standing } from './schedule.ts';
import { words } from './words.ts';

interface Runs {
  runs: Run[];
  nextCursor: string | null;
}

export function Page({ params: { id = '' } }: PageProps) {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const [{ cursor }] = useQuery();
  const live = useLive(id, (signal) => call<Schedule>('GET', schedulePath(id), { signal }));
  const runs = useLive(JSON.stringify([id, cursor]), (signal) =>
    call<Runs>('GET', schedulePath(id, 'runs'), { query: { cursor }, signal }),
  );
  const schedule = live.value;
  if (!schedule) {
    return live.problem ? <Failed text={problemText(live.problem, generalTexts)} again={live.refresh} /> : <Loading />;
  }
  const refresh = (): void => {
    live.refresh();
    runs.refresh();
  };
  return (
    <>
      <Heading title={`${texts.one} ${id}`} live={live}>
        <Actions schedule={schedule} done={refresh} />
      </Heading>
      <About schedule={schedule} />
      <Lateness runs={runs.value?.runs ?? []} timeZone={schedule.timeZone} />
      <RunTable live={runs} timeZone={schedule.timeZone} />
    </>
  );
}

function About({ schedule }: { schedule: Schedule }) {
  const texts = useWords(words);
  const { word, tone } = standing(schedule);
  const { counts, nextRuns, timeZone, cron, every } = schedule;
  return (
    <>
      <Facts
        facts={[
          [texts.standing, <Badge key="standing" text={texts[word]} tone={tone} />],
          [texts.note, schedule.note],
          [texts.problem, schedule.problem],
          [texts.drift, schedule.drift],
          [texts.when, `${cron ?? texts.every(every ?? '')} (${timeZone})`],
          [
            texts.type,
            <a key="type" href={href('/events', { type: schedule.type })}>
              {schedule.type}
            </a>,
          ],
          [texts.overlap, schedule.overlap],
          [texts.catchup, schedule.catchupWindow],
          [texts.jitter, schedule.jitter],
          [texts.startAt, schedule.startAt && <Moment key="start" at={schedule.startAt} />],
          [texts.endAt, schedule.endAt && <Moment key="end" at={schedule.endAt} />],
          [texts.declaredBy, schedule.declaredBy],
          [texts.changed, schedule.changed?.join(', ')],
        ]}
      />
      <Figures
        label={texts.counts}
        figures={[
          { name: texts.nominal, value: numberText(counts.nominal) },
          { name: texts.fired, value: numberText(counts.fired), tone: counts.fired > 0 ? 'good' : undefined },
          { name: texts.skipped, value: numberText(counts.skipped) },
          { name: texts.missed, value: numberText(counts.missed), tone: counts.missed > 0 ? 'bad' : undefined },
          { name: texts.paused, value: numberText(counts.paused) },
        ]}
      />
      <section class="part">
        <h2>{texts.nextRuns(timeZone)}</h2>
        {nextRuns.length === 0 ? (
          <p>{texts.noNext}</p>
        ) : (
          <ol>
            {nextRuns.map((at) => (
              <li key={at}>
                {inZone(at, timeZone)}{' '}
                <span class="muted">
                  <Time at={at} ahead />
                </span>
              </li>
            ))}
          </ol>
        )}
      </section>
      <section class="part">
        <h2>{texts.payload}</h2>
        <JsonView value={schedule.payload} label={texts.payload} />
      </section>
    </>
  );
}

function Lateness({ runs, timeZone }: { runs: readonly Run[]; timeZone: string }) {
  const texts = useWords(words);
  const points = runs
    .filter(({ latenessMs, firedBy }) => latenessMs !== null && (firedBy === 'temporal' || firedBy === 'ledger'))
    .map(({ at, latenessMs }) => ({ label: inZone(at ?? '', timeZone), value: latenessMs ?? 0 }))
    .reverse();
  return points.length === 0 ? null : <Chart title={texts.lateness} points={points} unit="ms" />;
}

function RunTable({ live, timeZone }: { live: Live<Runs>; timeZone: string }) {
  const texts = useWords(words);
  const skipText = { overlap: texts.overlapSkip, missed: texts.missedSkip, paused: texts.pausedSkip };
  const by = { temporal: texts.temporal, ledger: texts.ledger, person: texts.person, backfill: texts.backfillBy };
  const columns: Column<Run>[] = [
    {
      id: 'at',
      title: texts.at,
      cell: ({ at, count, until }) => (
        <>
          <span class="whole">{at ? inZone(at, timeZone) : '–'}</span>
          {until && ` – ${inZone(until, timeZone)}`}
          {count !== undefined && count > 1 && ` (${texts.times(numberText(count))})`}
        </>
      ),
    },
    {
      id: 'outcome',
      title: texts.outcome,
      cell: ({ state, skipped, waiting, moved }) => (
        <>
          {state && <StateBadge state={state} />} {skipped && skipText[skipped]} {waiting && texts.waits}{' '}
          {moved && texts.moved}
        </>
      ),
    },
    { id: 'started', title: texts.started, cell: ({ startedAt }) => <Time at={startedAt} /> },
    {
      id: 'late',
      title: texts.late,
      numeric: true,
      cell: ({ latenessMs }) => (latenessMs === null ? '–' : durationText(latenessMs)),
    },
    { id: 'by', title: texts.firedBy, cell: ({ firedBy }) => (firedBy ? by[firedBy] : '–') },
    {
      id: 'event',
      title: texts.event,
      cell: ({ event }) => (event ? <a href={href(below('/events', event))}>{event}</a> : '–'),
    },
  ];
  return (
    <LiveTable
      live={live}
      caption={texts.runsCaption}
      columns={columns}
      rows={live.value?.runs}
      id={({ at, event, startedAt, firedBy }) => `${at} ${event} ${startedAt} ${firedBy}`}
      next={live.value?.nextCursor}
    />
  );
}
