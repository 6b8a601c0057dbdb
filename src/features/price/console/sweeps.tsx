// Sweeps with how far they are; start, pause, resume, cancel.

import { useState } from 'preact/hooks';
import {
  Badge,
  below,
  ChoiceField,
  type Column,
  Confirm,
  ConfirmCall,
  call,
  general,
  href,
  LiveTable,
  numberText,
  Time,
  type Tone,
  toast,
  useAct,
  useLive,
  useMay,
  useQuery,
  useWords,
} from '../../../../console/index.ts';
import { TIERS } from './tabs.tsx';
import { words } from './words.ts';

interface Sweep {
  event: string;
  tiers: string[];
  state: 'running' | 'paused' | 'done' | 'skipped' | 'cancelled';
  due: number;
  checked: number;
  changed: number;
  failed: number;
  detail: string | null;
  progress: number;
  checksPerSecond: number;
  expectedEnd: string | null;
  startedAt: string;
}

const TONES: Record<Sweep['state'], Tone> = {
  running: 'busy',
  paused: 'warning',
  done: 'good',
  skipped: 'neutral',
  cancelled: 'neutral',
};

export function Sweeps() {
  const texts = useWords(words);
  const [{ cursor }] = useQuery();
  const live = useLive(`sweeps ${cursor}`, (signal) =>
    call<{ sweeps: Sweep[]; nextCursor: string | null }>('GET', '/v1/price/sweeps', { query: { cursor }, signal }),
  );
  const [asked, setAsked] = useState<Sweep>();
  return (
    <>
      <LiveTable
        live={live}
        caption={texts.sweeps}
        columns={useColumns(setAsked, live.refresh)}
        rows={live.value?.sweeps}
        id={({ event }) => event}
        next={live.value?.nextCursor}
      />
      {asked && (
        <ConfirmCall
          title={texts.cancelTitle}
          verb={texts.cancelVerb}
          danger
          about={texts.of(numberText(asked.checked), numberText(asked.due))}
          text={texts.cancelText}
          send={() => call('POST', `${below('/v1/events', asked.event)}/cancel`)}
          said={texts.cancelled}
          close={() => setAsked(undefined)}
          done={live.refresh}
        />
      )}
    </>
  );
}

function useColumns(ask: (sweep: Sweep) => void, done: () => void): Column<Sweep>[] {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const mayAct = useMay('operator');
  const columns: Column<Sweep>[] = [
    {
      id: 'sweep',
      title: texts.sweep,
      cell: ({ event, tiers }) => <a href={href(below('/events', event))}>{tiers.join(', ') || event}</a>,
    },
    {
      id: 'state',
      title: texts.state,
      cell: ({ state, detail }) => (
        <>
          <Badge text={state} tone={TONES[state]} />
          {detail && <span class="why muted">{detail}</span>}
        </>
      ),
    },
    {
      id: 'progress',
      title: texts.progress,
      cell: ({ checked, due, progress }) => (
        <>
          {texts.of(numberText(checked), numberText(due))}
          <progress max={1} value={progress} aria-label={texts.progress} />
        </>
      ),
    },
    { id: 'changed', title: texts.changed, numeric: true, cell: ({ changed }) => numberText(changed) },
    { id: 'failed', title: texts.failed, numeric: true, cell: ({ failed }) => numberText(failed) },
    { id: 'rate', title: texts.rate, numeric: true, cell: ({ checksPerSecond }) => numberText(checksPerSecond) },
    { id: 'ends', title: texts.ends, cell: ({ expectedEnd }) => <Time at={expectedEnd} ahead /> },
    { id: 'started', title: texts.started, cell: ({ startedAt }) => <Time at={startedAt} /> },
  ];
  if (!mayAct) return columns;
  return [
    ...columns,
    {
      id: 'actions',
      title: generalTexts.actions,
      cell: (sweep) => <Steer sweep={sweep} ask={ask} done={done} />,
    },
  ];
}

function Steer({ sweep, ask, done }: { sweep: Sweep; ask(sweep: Sweep): void; done(): void }) {
  const texts = useWords(words);
  const act = useAct();
  const { state, event } = sweep;
  if (state !== 'running' && state !== 'paused') return null;
  const verb = state === 'running' ? 'pause' : 'resume';
  const steer = (): void =>
    void act(
      async () => {
        await call('POST', `${below('/v1/price/sweeps', event)}/${verb}`);
        done();
      },
      state === 'running' ? texts.paused : texts.resumed,
    );
  return (
    <div class="row-actions">
      <button type="button" onClick={steer}>
        {texts[verb]}
      </button>
      <button type="button" onClick={() => ask(sweep)}>
        {texts.cancel}
      </button>
    </div>
  );
}

export function StartSweep() {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const [asked, setAsked] = useState(false);
  if (!mayAct) return null;
  return (
    <>
      <button type="button" onClick={() => setAsked(true)}>
        {texts.start}
      </button>
      {asked && (
        <Confirm
          title={texts.startTitle}
          verb={texts.startVerb}
          close={() => setAsked(false)}
          run={async (fields) => {
            const tier = String(fields.get('tier'));
            await call('POST', '/v1/price/sweeps', { body: tier === '' ? { all: true } : { tier } });
            toast(texts.startedToast);
          }}
        >
          <ChoiceField
            label={texts.tier}
            name="tier"
            choices={[{ value: '', label: texts.allTiers }, ...TIERS.map((tier) => ({ value: tier, label: tier }))]}
          />
        </Confirm>
      )}
    </>
  );
}
