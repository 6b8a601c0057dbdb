// Event types: their policies as they are now, which of them people have set, and the change of these.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import { Heading } from '../../parts/heading.tsx';
import { Brief } from '../../parts/json-view.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { href } from '../../shell/router.ts';
import { useMay } from '../../shell/session.ts';
import { general } from '../../words/general.ts';
import { numberText, useWords } from '../../words/words.ts';
import { Change, Reset } from './dialogs.tsx';
import type { EventType } from './event-type.ts';
import { words } from './words.ts';

type Asked = { action: 'change' | 'reset'; type: EventType };
const EVERY_MS = 10_000;

export function Page() {
  const texts = useWords(words);
  const live = useLive('types', (signal) => call<{ eventTypes: EventType[] }>('GET', '/v1/event-types', { signal }), {
    everyMs: EVERY_MS,
  });
  const [asked, setAsked] = useState<Asked>();
  const dialog = { close: () => setAsked(undefined), done: live.refresh };
  return (
    <>
      <Heading title={texts.title} live={live} />
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={useColumns(setAsked)}
        rows={live.value?.eventTypes}
        id={({ name }) => name}
        next={null}
      />
      {asked?.action === 'change' && <Change type={asked.type} {...dialog} />}
      {asked?.action === 'reset' && <Reset type={asked.type} {...dialog} />}
    </>
  );
}

function useColumns(ask: (asked: Asked) => void): Column<EventType>[] {
  const texts = useWords(words);
  const { actions } = useWords(general);
  const mayAct = useMay('operator');
  return [
    { id: 'name', title: texts.name, cell: ({ name }) => <a href={href('/events', { type: name })}>{name}</a> },
    { id: 'workers', title: texts.workers, numeric: true, cell: ({ workers }) => numberText(workers) },
    { id: 'attempts', title: texts.attempts, numeric: true, cell: ({ retry }) => retry?.maxAttempts },
    { id: 'delays', title: texts.delays, cell: ({ retry }) => retry && `${retry.base}, ${retry.cap}` },
    { id: 'timeout', title: texts.timeout, cell: ({ timeout }) => timeout },
    { id: 'priority', title: texts.priority, numeric: true, cell: ({ priority }) => priority },
    { id: 'batch', title: texts.batch, numeric: true, cell: ({ batch }) => batch },
    {
      id: 'set',
      title: texts.set,
      cell: ({ override }) => (override ? <Brief value={override} /> : <span class="muted">{texts.bySource}</span>),
    },
    ...(mayAct
      ? [
          {
            id: 'actions',
            title: actions,
            cell: (type: EventType) => (
              <div class="bar">
                <button type="button" onClick={() => ask({ action: 'change', type })}>
                  {texts.edit}
                </button>
                {type.override && (
                  <button type="button" onClick={() => ask({ action: 'reset', type })}>
                    {texts.reset}
                  </button>
                )}
              </div>
            ),
          },
        ]
      : []),
  ];
}
