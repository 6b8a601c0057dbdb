// Price checks as a whole: products by tier, what is due, how checks go, and the sweeps.

import {
  call,
  durationText,
  Empty,
  Figures,
  Heading,
  href,
  numberText,
  Table,
  useLive,
  useWords,
} from '../../../../console/index.ts';
import { StartSweep, Sweeps } from './sweeps.tsx';
import { PriceTabs, TIERS } from './tabs.tsx';
import { words } from './words.ts';

interface Statistics {
  byTier: Record<string, number>;
  due: number;
  overdue: number;
  checksPerSecond: number;
  successRate: number | null;
  meanDurationMs: number | null;
}

const EVERY_MS = 10_000;

export function Page() {
  const texts = useWords(words);
  const live = useLive('statistics', (signal) => call<Statistics>('GET', '/v1/price/statistics', { signal }), {
    everyMs: EVERY_MS,
  });
  return (
    <>
      <Heading title={texts.title} live={live}>
        <StartSweep />
      </Heading>
      <PriceTabs />
      {live.value && <Shown statistics={live.value} />}
      {!live.value && live.problem && <Empty title={live.problem.detail} />}
      <Sweeps />
    </>
  );
}

function Shown({ statistics }: { statistics: Statistics }) {
  const texts = useWords(words);
  const { due, overdue, checksPerSecond, successRate, meanDurationMs, byTier } = statistics;
  return (
    <>
      <Figures
        label={texts.figures}
        figures={[
          { name: texts.due, value: numberText(due), href: href('/price/products', { due: 'true' }) },
          { name: texts.overdue, value: numberText(overdue), tone: overdue > 0 ? 'warning' : undefined },
          { name: texts.perSecond, value: numberText(checksPerSecond) },
          {
            name: texts.success,
            value: successRate === null ? '–' : numberText(successRate, { style: 'percent', maximumFractionDigits: 1 }),
          },
          { name: texts.mean, value: meanDurationMs === null ? '–' : durationText(meanDurationMs) },
        ]}
      />
      <section class="part">
        <Table
          caption={texts.tiers}
          rows={TIERS}
          id={(tier) => tier}
          columns={[
            {
              id: 'tier',
              title: texts.tier,
              cell: (tier) => <a href={href('/price/products', { tier })}>{tier}</a>,
            },
            { id: 'count', title: texts.count, numeric: true, cell: (tier) => numberText(byTier[tier] ?? 0) },
          ]}
        />
      </section>
    </>
  );
}
