// What an autoscaler reads: how much waits, how fast it drains, how many workers would do.

import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import { Figures } from '../../parts/figures.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.tsx';
import { numberText, useWords } from '../../words/words.ts';
import { words } from './words.ts';

interface Kind {
  backlog: number;
  oldestAgeSeconds: number;
  acceptedPerSecond: number;
  drainPerSecond: number;
  active: number;
  workers: number;
  wantedWorkers: number;
}
type OfKind = Kind & { kind: string };

const EVERY_MS = 10_000;
const ROUGHLY = { maximumFractionDigits: 1 } as const;

export function Scaling() {
  const texts = useWords(words);
  const live = useLive('scaling', (signal) => call<Kind & { kinds: OfKind[] }>('GET', '/v1/scaling', { signal }), {
    everyMs: EVERY_MS,
  });
  const columns: Column<OfKind>[] = [
    { id: 'kind', title: texts.kind, cell: ({ kind }) => kind },
    { id: 'backlog', title: texts.backlog, numeric: true, cell: ({ backlog }) => numberText(backlog) },
    {
      id: 'oldest',
      title: texts.oldest,
      numeric: true,
      cell: ({ backlog, oldestAgeSeconds }) => (backlog === 0 ? '–' : durationText(oldestAgeSeconds * 1_000)),
    },
    {
      id: 'accepted',
      title: texts.accepted,
      numeric: true,
      cell: ({ acceptedPerSecond }) => numberText(acceptedPerSecond, ROUGHLY),
    },
    {
      id: 'drained',
      title: texts.drained,
      numeric: true,
      cell: ({ drainPerSecond }) => numberText(drainPerSecond, ROUGHLY),
    },
    { id: 'active', title: texts.active, numeric: true, cell: ({ active }) => numberText(active) },
    { id: 'wanted', title: texts.wanted, numeric: true, cell: ({ wantedWorkers }) => numberText(wantedWorkers) },
  ];
  const sum = live.value;
  return (
    <section class="part">
      <h2>{texts.scaling}</h2>
      {sum && (
        <Figures
          label={texts.scaling}
          figures={[
            { name: texts.alive, value: numberText(sum.workers), tone: sum.workers === 0 ? 'bad' : 'good' },
            {
              name: texts.wanted,
              value: numberText(sum.wantedWorkers),
              tone: sum.wantedWorkers > sum.workers ? 'warning' : undefined,
            },
            { name: texts.backlog, value: numberText(sum.backlog) },
            { name: texts.active, value: numberText(sum.active) },
          ]}
        />
      )}
      <LiveTable
        live={live}
        caption={texts.scalingCaption}
        columns={columns}
        rows={sum?.kinds}
        id={({ kind }) => kind}
        next={null}
      />
    </section>
  );
}
