// What having limits costs where none is reached: a sweep with and without, and events of a type without any beside them.

import { builtProgram } from '../../test/support/program.ts';
import { createApiClient } from '../api-client.ts';
import type { BenchContext } from '../context.ts';
import { type BenchCase, spreadOf } from '../figures.ts';
import { lastEndMs, untilAllEnded } from '../ledger.ts';
import { events, notificationEvent } from '../payloads.ts';
import { addProducts, addShops, makeDue, setLimits, startShops, sweepAll } from '../price-work.ts';
import { startTem, type Tem } from '../tem.ts';

const TURNS = 3;
const USERS = 1_000;
const TIMEOUT_MS = 600_000;

export const priceLimits: BenchCase = {
  id: 'price-limits',
  title: 'Limits that are on and not reached',
  about:
    'In turns without any flow and with one for each of 20 shops: a sweep of 20,000 products whose shops answer at once, and 20,000 notifications, which have no flow; the medians of three turns.',
  runsByDefault: 1,
  figures: [
    { id: 'off', label: 'a sweep without limits', unit: 'checks/s' },
    { id: 'on', label: 'a sweep with limits', unit: 'checks/s' },
    { id: 'lost', label: 'lost by limits', unit: '%', target: { atMost: 10 } },
    { id: 'offProcessor', label: "without: the worker's processor time for 1,000 checks", unit: 's' },
    { id: 'onProcessor', label: "with: the worker's processor time for 1,000 checks", unit: 's' },
    { id: 'eventsOff', label: 'notifications, no flow anywhere', unit: 'events/s' },
    { id: 'eventsOn', label: 'notifications, flows of others', unit: 'events/s' },
    { id: 'eventsLost', label: 'lost by flows of others', unit: '%', target: { atMost: 5 } },
  ],
  async run(context) {
    const tem = await startTem(context, { program: await builtProgram(), environment: { TEM_EVENT_TYPES: '' } });
    const shops = await startShops(context, 0);
    const api = createApiClient(tem.apiUrl);
    try {
      const products = context.count(20_000, 1_000);
      await addShops(tem.pool);
      await addProducts(tem.pool, shops.urls, products);
      await sweepAll(tem, products);
      const seen = { off: [] as number[], on: [] as number[], offCpu: [] as number[], onCpu: [] as number[] };
      const notified = { off: [] as number[], on: [] as number[] };
      for (let turn = 0; turn < context.count(TURNS, 1); turn += 1)
        for (const limits of ['off', 'on'] as const) {
          await tem.pool.query('delete from tem.flow');
          if (limits === 'on') await setLimits(tem.pool);
          await makeDue(tem.pool);
          const { perSecond, processor } = await sweepAll(tem, products);
          seen[limits].push(perSecond);
          seen[`${limits}Cpu`].push(processor.worker ?? Number.NaN);
          notified[limits].push(await notify(context, tem, api));
        }
      const [off, on, offProcessor, onProcessor, eventsOff, eventsOn] = [
        seen.off,
        seen.on,
        seen.offCpu,
        seen.onCpu,
        notified.off,
        notified.on,
      ].map((values) => spreadOf(values).median) as [number, number, number, number, number, number];
      const figures = { off, on, lost: 100 * (1 - on / off), offProcessor, onProcessor };
      return {
        figures: { ...figures, eventsOff, eventsOn, eventsLost: 100 * (1 - eventsOn / eventsOff) },
        notes: {
          products,
          'each turn': Object.entries(seen)
            .map(([name, values]) => `${name} ${values.map((value) => value.toFixed(2)).join(' ')}`)
            .join('; '),
        },
      };
    } finally {
      await api.close();
      await Promise.all([tem.stop(), shops.stop()]);
    }
  },
};

/** Notifications a second, from the first call to the last PROCESSED. */
async function notify(context: BenchContext, tem: Tem, api: ReturnType<typeof createApiClient>): Promise<number> {
  const count = context.count(20_000, 1_000);
  await tem.pool.query(`delete from tem.event where type = 'notification'`);
  const startedMs = Date.now();
  await api.postBatches(events(count, (index) => notificationEvent(`user-${index % USERS}`)));
  await untilAllEnded(tem.pool, TIMEOUT_MS);
  return count / (((await lastEndMs(tem.pool, 'notification')) - startedMs) / 1_000);
}
