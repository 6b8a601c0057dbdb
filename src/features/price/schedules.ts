// When recurring work begins, in TEM_TIME_ZONE: schedules of origin `code`, each of which a person may change or pause.

import type { FeatureDependencies } from '../../core/feature.ts';
import type { CodeSchedule } from '../../core/schedule.ts';

/** Sweeps by tier; three of them could not keep five tiers. */
export function recurringSchedules({ config }: Pick<FeatureDependencies, 'config'>): CodeSchedule[] {
  const { timeZone } = config;
  const sweep = (tier: string, cron: string): CodeSchedule => ({
    id: `price-sweep-${tier}`,
    cron,
    timeZone,
    type: 'price.sweep',
    payload: { tier },
    // A sweep ends when its tier's interval is over, and the one that waits goes on at once.
    overlap: 'bufferOne',
    catchupWindow: '10m',
  });
  const other = (id: string, cron: string): CodeSchedule => ({
    id: `price-${id}`,
    cron,
    timeZone,
    type: `price.${id}`,
    payload: {},
    overlap: 'skip',
    catchupWindow: '10m',
  });
  return [
    sweep('hourly', '0 * * * *'),
    sweep('3h', '0 */3 * * *'),
    sweep('6h', '0 */6 * * *'),
    sweep('12h', '0 */12 * * *'),
    sweep('daily', '0 3 * * *'),
    other('discover', '0 4 * * *'),
    other('notify', '*/30 * * * *'),
    other('priorities', '0 */4 * * *'),
    other('cleanup', '0 2 * * *'),
  ];
}
