// The overview: counts by state and type, rates, the oldest, workers, and what to look at. All who look share one sample.

import { useRef } from 'preact/hooks';
import { useStream } from '../../live/use-stream.ts';
import { Chart, type Point } from '../../parts/chart.tsx';
import { Count, Figures } from '../../parts/figures.tsx';
import { Heading } from '../../parts/heading.tsx';
import { Failed, Loading, problemText } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.tsx';
import { href } from '../../shell/router.ts';
import { begin } from '../../shell/session.ts';
import { general } from '../../words/general.ts';
import { language, numberText, useWords } from '../../words/words.ts';
import { AttentionFigures } from './attention.tsx';
import { Incidents } from './incidents.tsx';
import { type Sample, STATES, type State, type Stats } from './stats.ts';
import { words } from './words.ts';

const POINTS_MAX = 60;
const TONES = { QUEUED: 'neutral', PROCESSING: 'busy', PROCESSED: 'good', FAILED: 'warning', EXTINCT: 'bad' } as const;

export function Page() {
  const live = useStream<Sample>('console/live', begin);
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const points = useRates(live.value?.stats);
  if (!live.value && live.problem) {
    return <Failed text={problemText(live.problem, generalTexts)} again={live.refresh} />;
  }
  return (
    <>
      <Heading title={texts.title} live={live} />
      {live.value ? <Body shown={live.value} points={points} /> : <Loading />}
    </>
  );
}

/** The rates of the last samples, as long as the page is open. */
function useRates(stats: Stats | undefined): readonly Point[] {
  const seen = useRef<{ at: string; points: Point[] }>({ at: '', points: [] });
  if (stats && stats.at !== seen.current.at) {
    const label = new Date(stats.at).toLocaleTimeString(language.get());
    const points = [...seen.current.points, { label, value: stats.rates.processedPerSecond }];
    seen.current = { at: stats.at, points: points.slice(-POINTS_MAX) };
  }
  return seen.current.points;
}

function Body({ shown: { stats, attention }, points }: { shown: Sample; points: readonly Point[] }) {
  const texts = useWords(words);
  const { states, estimated, rates, oldest, workers, types } = stats;
  const isExact = (state: State): boolean => !Object.values(estimated).some((of) => of.includes(state));
  return (
    <>
      <Figures
        label={texts.states}
        figures={STATES.map((state) => ({
          name: state,
          value: <Count value={states[state]} exact={isExact(state)} />,
          href: href('/events', { state }),
          tone: states[state] > 0 && state in TONES ? TONES[state as keyof typeof TONES] : undefined,
        }))}
      />
      <Figures
        label={texts.flow}
        figures={[
          { name: texts.accepted, value: numberText(rates.acceptedPerSecond) },
          { name: texts.processed, value: numberText(rates.processedPerSecond) },
          { name: texts.oldest, value: oldest.dueAgeMs === null ? texts.nobodyWaits : durationText(oldest.dueAgeMs) },
          {
            name: texts.workers,
            value: `${workers.alive || texts.noWorkers}${workers.stopping ? ` (${texts.stopping(workers.stopping)})` : ''}`,
            href: href('/workers'),
            tone: workers.alive === 0 ? 'bad' : undefined,
          },
        ]}
      />
      <AttentionFigures attention={attention} />
      <Incidents incidents={attention.incidents} />
      <Chart title={texts.rates} kind="line" points={points} />
      <Table
        caption={texts.types}
        columns={useTypeColumns(stats)}
        rows={Object.keys(types).sort()}
        id={(type) => type}
      />
    </>
  );
}

function useTypeColumns({ types, estimated }: Stats): Column<string>[] {
  const texts = useWords(words);
  return [
    { id: 'type', title: texts.type, cell: (type) => <a href={href('/events', { type })}>{type}</a> },
    ...STATES.map((state) => ({
      id: state,
      title: state,
      numeric: true,
      cell: (type: string) => <Count value={types[type]?.[state] ?? 0} exact={!estimated[type]?.includes(state)} />,
    })),
  ];
}
