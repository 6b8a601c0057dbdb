// Flows: the limits that are set, and pause, resume, change and remove.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import { useAct } from '../../parts/act.tsx';
import { Badge } from '../../parts/badge.tsx';
import { ConfirmCall } from '../../parts/confirm-call.tsx';
import { Heading } from '../../parts/heading.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { href, useQuery } from '../../shell/router.ts';
import { useMay } from '../../shell/session.ts';
import { general } from '../../words/general.ts';
import { numberText, useWords } from '../../words/words.ts';
import { type Flow, flowPath, setPaused } from './flow.ts';
import { LimitsDialog } from './limits.tsx';
import { words } from './words.ts';

interface Flows {
  flows: Flow[];
  nextCursor: string | null;
}
type Asked = { action: 'limits' | 'remove'; flow?: Flow };

export function Page() {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const [{ cursor }] = useQuery();
  const live = useLive(cursor ?? '', (signal) => call<Flows>('GET', '/v1/flows', { query: { cursor }, signal }));
  const [asked, setAsked] = useState<Asked>();
  const close = (): void => setAsked(undefined);
  return (
    <>
      <Heading title={texts.title} live={live}>
        {mayAct && (
          <button type="button" onClick={() => setAsked({ action: 'limits' })}>
            {texts.create}
          </button>
        )}
      </Heading>
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={useColumns(mayAct ? setAsked : undefined, live.refresh)}
        rows={live.value?.flows}
        id={({ type, group }) => JSON.stringify([type, group])}
        next={live.value?.nextCursor}
      />
      {asked?.action === 'limits' && <LimitsDialog flow={asked.flow} close={close} done={live.refresh} />}
      {asked?.action === 'remove' && asked.flow && <Remove flow={asked.flow} close={close} done={live.refresh} />}
    </>
  );
}

function useColumns(ask: ((asked: Asked) => void) | undefined, done: () => void): Column<Flow>[] {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const act = useAct();
  const setPause = (flow: Flow): void =>
    void act(
      async () => {
        await setPaused(flow, !flow.paused);
        done();
      },
      flow.paused ? texts.resumedToast : texts.pausedToast,
    );
  const columns: Column<Flow>[] = [
    {
      id: 'type',
      title: texts.type,
      cell: ({ type, group }) => <a href={href('/events', { type, group: group ?? undefined })}>{type}</a>,
    },
    {
      id: 'group',
      title: texts.group,
      cell: ({ group }) => group ?? <span class="muted">{texts.ofType}</span>,
    },
    {
      id: 'standing',
      title: texts.standing,
      cell: ({ paused }) => <Badge text={paused ? texts.paused : texts.runs} tone={paused ? 'warning' : 'good'} />,
    },
    {
      id: 'maxInFlight',
      title: texts.maxInFlight,
      numeric: true,
      cell: ({ maxInFlight }) => (maxInFlight === null ? texts.noLimit : numberText(maxInFlight)),
    },
    {
      id: 'rate',
      title: texts.rate,
      cell: ({ rate }) => (rate === null ? texts.noLimit : texts[rate.per](numberText(rate.limit))),
    },
  ];
  if (!ask) return columns;
  return [
    ...columns,
    {
      id: 'actions',
      title: generalTexts.actions,
      cell: (flow) => (
        <div class="row-actions">
          <button type="button" onClick={() => setPause(flow)}>
            {flow.paused ? texts.resume : texts.pause}
          </button>
          <button type="button" onClick={() => ask({ action: 'limits', flow })}>
            {texts.edit}
          </button>
          <button type="button" onClick={() => ask({ action: 'remove', flow })}>
            {texts.remove}
          </button>
        </div>
      ),
    },
  ];
}

function Remove({ flow, close, done }: { flow: Flow; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <ConfirmCall
      title={texts.removeTitle}
      verb={texts.removeVerb}
      danger
      about={`${flow.type} ${flow.group}`}
      text={texts.removeText}
      send={() => call('DELETE', flowPath(flow))}
      said={texts.removed}
      close={close}
      done={done}
    />
  );
}
