// What an operator should look at, each with the way to it.

import { Figures } from '../../parts/figures.tsx';
import { href } from '../../shell/router.ts';
import { numberText, useWords } from '../../words/words.ts';
import type { Attention, BoundedCount } from './stats.ts';
import { words } from './words.ts';

export function AttentionFigures({ attention }: { attention: Attention }) {
  const texts = useWords(words);
  const { failedLastHour, stuck, pausedFlows, pausedSchedules, missedLastDay } = attention;
  const text = ({ count, isExact }: BoundedCount): string =>
    isExact ? numberText(count) : texts.atLeast(numberText(count));
  return (
    <Figures
      label={texts.attention}
      figures={[
        {
          name: texts.failedLastHour,
          value: text(failedLastHour),
          href: href('/failures'),
          tone: failedLastHour.count > 0 ? 'warning' : undefined,
        },
        {
          name: texts.stuck,
          value: text(stuck),
          href: href('/events', { state: 'QUEUED,PROCESSING,FAILED' }),
          tone: stuck.count > 0 ? 'bad' : undefined,
        },
        {
          name: texts.pausedFlows,
          value: pausedFlows.length === 0 ? '0' : pausedFlows.join(', '),
          href: href('/flows'),
          tone: pausedFlows.length > 0 ? 'warning' : undefined,
        },
        { name: texts.pausedSchedules, value: text(pausedSchedules), href: href('/schedules') },
        {
          name: texts.missed,
          value: text(missedLastDay),
          href: href('/schedules'),
          tone: missedLastDay.count > 0 ? 'warning' : undefined,
        },
      ]}
    />
  );
}
