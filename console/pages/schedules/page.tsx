// All schedules: when they run next on their own clock, what they missed; pause and resume one or many.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import { useAct } from '../../parts/act.tsx';
import { Badge } from '../../parts/badge.tsx';
import { Filters } from '../../parts/form.tsx';
import { Heading } from '../../parts/heading.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { below, href, useQuery } from '../../shell/router.ts';
import { useMay } from '../../shell/session.ts';
import { toast } from '../../shell/toasts.tsx';
import { numberText, useWords } from '../../words/words.ts';
import { EditDialog } from './edit.tsx';
import { PauseDialog } from './pause.tsx';
import { inZone, resume, type Schedule, standing } from './schedule.ts';
import { words } from './words.ts';

interface Schedules {
  schedules: Schedule[];
  nextCursor: string | null;
}

export function Page() {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const [{ type, origin, cursor }] = useQuery();
  const query = { type, origin, cursor };
  const live = useLive(JSON.stringify(query), (signal) => call<Schedules>('GET', '/v1/schedules', { query, signal }));
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<'pause' | 'create'>();
  const act = useAct();
  const shown = live.value?.schedules ?? [];
  const selected = shown.filter(({ id }) => ids.has(id));
  const running = selected.filter(({ paused }) => !paused);
  const paused = selected.filter((each) => each.paused);
  const done = (): void => {
    setIds(new Set());
    live.refresh();
  };
  const resumeAll = async (): Promise<void> => {
    for (const { id } of paused) await resume(id);
    toast(texts.resumedToast(paused.length));
    done();
  };
  return (
    <>
      <Heading title={texts.title} live={live}>
        {mayAct && (
          <button type="button" onClick={() => setAsked('create')}>
            {texts.create}
          </button>
        )}
      </Heading>
      <Filters
        filters={[
          { name: 'type', label: texts.type, search: true },
          {
            name: 'origin',
            label: texts.origin,
            choices: [
              { value: 'data', label: texts.originData },
              { value: 'code', label: texts.originCode },
            ],
          },
        ]}
      />
      {mayAct && (
        <div class="bar">
          <button type="button" disabled={running.length === 0} onClick={() => setAsked('pause')}>
            {texts.pauseMany(running.length)}
          </button>
          <button type="button" disabled={paused.length === 0} onClick={() => void act(resumeAll)}>
            {texts.resumeMany(paused.length)}
          </button>
        </div>
      )}
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={useColumns()}
        rows={live.value?.schedules}
        id={({ id }) => id}
        label={({ id }) => id}
        selection={mayAct ? { ids, set: setIds } : undefined}
        filtered={type !== undefined || origin !== undefined}
        next={live.value?.nextCursor}
      />
      {asked === 'pause' && (
        <PauseDialog ids={running.map(({ id }) => id)} close={() => setAsked(undefined)} done={done} />
      )}
      {asked === 'create' && <EditDialog close={() => setAsked(undefined)} done={done} />}
    </>
  );
}

function useColumns(): Column<Schedule>[] {
  const texts = useWords(words);
  return [
    { id: 'id', title: texts.id, cell: ({ id }) => <a href={href(below('/schedules', id))}>{id}</a> },
    {
      id: 'standing',
      title: texts.standing,
      cell: (schedule) => {
        const { word, tone } = standing(schedule);
        return (
          <>
            <Badge text={texts[word]} tone={tone} />
            {schedule.note && <span class="why muted">{schedule.note}</span>}
          </>
        );
      },
    },
    {
      id: 'when',
      title: texts.when,
      cell: ({ cron, every, timeZone }) => (
        <>
          <span class="code-text">{cron ?? texts.every(every ?? '')}</span>
          <br />
          <span class="muted">{timeZone}</span>
        </>
      ),
    },
    {
      id: 'next',
      title: texts.next,
      cell: ({ nextRuns: [next], timeZone }) =>
        next === undefined ? (
          <span class="muted">–</span>
        ) : (
          <>
            <span class="whole">{inZone(next, timeZone)}</span>
            <br />
            <span class="muted">
              <Time at={next} ahead />
            </span>
          </>
        ),
    },
    {
      id: 'last',
      title: texts.last,
      cell: ({ lastRun }) => <Time at={lastRun?.startedAt ?? lastRun?.at} />,
    },
    { id: 'missed', title: texts.missed, numeric: true, cell: ({ missed }) => numberText(missed) },
    { id: 'type', title: texts.type, cell: ({ type }) => <a href={href('/events', { type })}>{type}</a> },
  ];
}
