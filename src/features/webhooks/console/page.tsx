// Webhooks by target: how many were taken and what was answered; replay what failed since a time, and send a test.

import { useState } from 'preact/hooks';
import {
  Badge,
  type Column,
  call,
  Filters,
  general,
  Heading,
  href,
  LiveTable,
  numberText,
  Time,
  useLive,
  useMay,
  useQuery,
  useWords,
  wholeTime,
} from '../../../../console/index.ts';
import { Replay } from './replay.tsx';
import { TestSend } from './test-send.tsx';
import { words } from './words.ts';

export interface Target {
  url: string;
  total: number;
  processed: number;
  failed: number;
  extinct: number;
  waiting: number;
  successRate: number | null;
  answers: Record<string, number>;
  lastAt: string;
  lastError: string | null;
}
interface Targets {
  since: string;
  targets: Target[];
  complete: boolean;
}
type Asked = { action: 'replay' | 'test'; url?: string };

const EVERY_MS = 10_000;
/** The longest that the route takes: without a filter nothing is left out unsaid. */
const SINCE_DEFAULT = '30d';
const GOOD_FROM = 0.99;
const FAIR_FROM = 0.9;

export function Page() {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const [{ since = SINCE_DEFAULT }] = useQuery();
  const live = useLive(since, (signal) => call<Targets>('GET', '/v1/webhooks/targets', { query: { since }, signal }), {
    everyMs: EVERY_MS,
  });
  const [asked, setAsked] = useState<Asked>();
  const close = (): void => setAsked(undefined);
  const known = live.value;
  return (
    <>
      <Heading title={texts.title} live={live}>
        {mayAct && (
          <button type="button" onClick={() => setAsked({ action: 'test' })}>
            {texts.test}
          </button>
        )}
      </Heading>
      <Filters
        filters={[
          {
            name: 'since',
            label: texts.since,
            choices: [
              { value: '1h', label: texts.hour },
              { value: '24h', label: texts.day },
              { value: '7d', label: texts.week },
            ],
          },
        ]}
      />
      {known?.complete === false && <p>{texts.incomplete}</p>}
      <LiveTable
        live={live}
        caption={known ? texts.captionSince(wholeTime(known.since)) : texts.caption}
        columns={useColumns(mayAct ? setAsked : undefined)}
        rows={known?.targets}
        id={({ url }) => url}
        next={null}
      />
      {asked?.action === 'test' && <TestSend url={asked.url} close={close} />}
      {asked?.action === 'replay' && asked.url !== undefined && (
        <Replay url={asked.url} since={known?.since ?? ''} close={close} done={live.refresh} />
      )}
    </>
  );
}

function useColumns(ask: ((asked: Asked) => void) | undefined): Column<Target>[] {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const columns: Column<Target>[] = [
    {
      id: 'target',
      title: texts.target,
      cell: ({ url }) => (
        <a class="why" href={href('/events', { type: 'webhook', payload: `url:${url}` })}>
          {url}
        </a>
      ),
    },
    { id: 'success', title: texts.success, cell: ({ successRate }) => <Success rate={successRate} /> },
    { id: 'total', title: texts.total, numeric: true, cell: ({ total }) => numberText(total) },
    { id: 'waiting', title: texts.waiting, numeric: true, cell: ({ waiting }) => numberText(waiting) },
    { id: 'failed', title: texts.failed, numeric: true, cell: ({ failed }) => numberText(failed) },
    { id: 'extinct', title: texts.extinct, numeric: true, cell: ({ extinct }) => numberText(extinct) },
    {
      id: 'answers',
      title: texts.answers,
      cell: ({ answers }) => (
        <ul class="plain">
          {Object.entries(answers).map(([answer, count]) => (
            <li key={answer} class="whole">
              {answer === 'none' ? texts.none : answer}: {numberText(count)}
            </li>
          ))}
        </ul>
      ),
    },
    { id: 'last', title: texts.last, cell: ({ lastAt }) => <Time at={lastAt} /> },
    {
      id: 'error',
      title: texts.error,
      cell: ({ lastError }) => (lastError === null ? '–' : <span class="why">{lastError}</span>),
    },
  ];
  if (!ask) return columns;
  return [
    ...columns,
    {
      id: 'actions',
      title: generalTexts.actions,
      cell: ({ url, failed, extinct }) => (
        <div class="row-actions">
          <button type="button" disabled={failed + extinct === 0} onClick={() => ask({ action: 'replay', url })}>
            {texts.replay}
          </button>
          <button type="button" onClick={() => ask({ action: 'test', url })}>
            {texts.test}
          </button>
        </div>
      ),
    },
  ];
}

function Success({ rate }: { rate: number | null }) {
  if (rate === null) return <span class="muted">–</span>;
  const text = numberText(rate, { style: 'percent', maximumFractionDigits: 1 });
  return <Badge text={text} tone={rate >= GOOD_FROM ? 'good' : rate >= FAIR_FROM ? 'warning' : 'bad'} />;
}
