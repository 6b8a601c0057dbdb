// Workers: who lives, what they run, how many are wanted; drain, resume, shut down.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { type Live, useLive } from '../../live/use-live.ts';
import { useAct } from '../../parts/act.tsx';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { ConfirmCall } from '../../parts/confirm-call.tsx';
import { Filters } from '../../parts/form.tsx';
import { Heading } from '../../parts/heading.tsx';
import { Empty } from '../../parts/states.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { below, href, useQuery } from '../../shell/router.ts';
import { useMay } from '../../shell/session.ts';
import { general } from '../../words/general.ts';
import { numberText, useWords } from '../../words/words.ts';
import { Scaling } from './scaling.tsx';
import { words } from './words.ts';

interface Worker {
  id: string;
  host: string;
  pid: number;
  state: 'running' | 'draining' | 'stopping' | 'gone';
  startedAt: string;
  taskQueue: string;
  types: string[];
  active: number;
}
interface Active {
  worker: string;
  id: string;
  type: string;
  key: string;
  group: string | null;
  attempt: number;
  since: string;
}
type Asked = { worker: Worker; action: 'drain' | 'shutdown' };

const TONES: Record<Worker['state'], Tone> = {
  running: 'good',
  draining: 'warning',
  stopping: 'warning',
  gone: 'neutral',
};
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function Page() {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const live = useLive('workers', (signal) => call<{ workers: Worker[] }>('GET', '/v1/workers', { signal }));
  const [asked, setAsked] = useState<Asked>();
  return (
    <>
      <Heading title={texts.title} live={live} />
      <section class="part">
        <LiveTable
          live={live}
          caption={texts.caption}
          columns={useColumns(mayAct ? setAsked : undefined, live)}
          rows={live.value?.workers}
          id={({ id }) => id}
          next={null}
        />
      </section>
      <Running />
      <Scaling />
      {asked && <Ask asked={asked} close={() => setAsked(undefined)} done={live.refresh} />}
    </>
  );
}

function useColumns(ask: ((asked: Asked) => void) | undefined, live: Live<unknown>): Column<Worker>[] {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const act = useAct();
  const resume = (id: string): void =>
    void act(async () => {
      await call('POST', `${below('/v1/workers', id)}/resume`);
      live.refresh();
    }, texts.told);
  const columns: Column<Worker>[] = [
    {
      id: 'worker',
      title: texts.worker,
      cell: ({ id, host, pid }) => (
        <>
          {host} {pid}
          <br />
          <a href={href('/workers', { worker: id })} class="muted">
            {id}
          </a>
        </>
      ),
    },
    { id: 'state', title: texts.state, cell: ({ state }) => <Badge text={texts[state]} tone={TONES[state]} /> },
    { id: 'active', title: texts.active, numeric: true, cell: ({ active }) => numberText(active) },
    {
      id: 'types',
      title: texts.types,
      cell: ({ types }) => (
        <details>
          <summary>{texts.typeCount(numberText(types.length))}</summary>
          <span class="why">{types.join(', ')}</span>
        </details>
      ),
    },
    { id: 'queue', title: texts.queue, cell: ({ taskQueue }) => <span class="breaks">{taskQueue}</span> },
    { id: 'started', title: texts.started, cell: ({ startedAt }) => <Time at={startedAt} /> },
  ];
  if (!ask) return columns;
  return [
    ...columns,
    {
      id: 'actions',
      title: generalTexts.actions,
      cell: (worker) => (
        <div class="row-actions">
          {worker.state === 'running' && (
            <button type="button" onClick={() => ask({ worker, action: 'drain' })}>
              {texts.drain}
            </button>
          )}
          {worker.state === 'draining' && (
            <button type="button" onClick={() => resume(worker.id)}>
              {texts.resume}
            </button>
          )}
          {(worker.state === 'running' || worker.state === 'draining') && (
            <button type="button" onClick={() => ask({ worker, action: 'shutdown' })}>
              {texts.shutdown}
            </button>
          )}
        </div>
      ),
    },
  ];
}

function Ask({ asked: { worker, action }, close, done }: { asked: Asked; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <ConfirmCall
      title={texts[`${action}Title`]}
      verb={texts[`${action}Verb`]}
      danger={action === 'shutdown'}
      about={`${worker.host} ${worker.pid} (${worker.id})`}
      text={texts[`${action}Text`]}
      send={() => call('POST', `${below('/v1/workers', worker.id)}/${action}`)}
      said={texts.told}
      close={close}
      done={done}
    />
  );
}

function Running() {
  const texts = useWords(words);
  const [{ worker }] = useQuery();
  const known = worker !== undefined && UUID.test(worker) ? worker : undefined;
  const live = useLive(`active ${known}`, (signal) =>
    call<{ events: Active[] }>('GET', '/v1/workers/active', { query: { worker: known }, signal }),
  );
  const columns: Column<Active>[] = [
    { id: 'event', title: texts.event, cell: ({ id, key }) => <a href={href(below('/events', id))}>{key}</a> },
    { id: 'type', title: texts.type, cell: ({ type }) => type },
    { id: 'group', title: texts.group, cell: ({ group }) => group ?? '–' },
    { id: 'attempt', title: texts.attempt, numeric: true, cell: ({ attempt }) => numberText(attempt) },
    { id: 'since', title: texts.since, cell: ({ since }) => <Time at={since} /> },
    { id: 'worker', title: texts.worker, cell: (row) => <span class="breaks">{row.worker}</span> },
  ];
  return (
    <section class="part">
      <h2>{texts.activeCaption}</h2>
      <Filters filters={[{ name: 'worker', label: texts.filter, wide: true, search: true }]} />
      {live.value?.events.length === 0 ? (
        <Empty title={texts.nothingRuns} />
      ) : (
        <LiveTable
          live={live}
          caption={texts.activeCaption}
          columns={columns}
          rows={live.value?.events}
          id={({ id }) => id}
          next={null}
        />
      )}
    </section>
  );
}
