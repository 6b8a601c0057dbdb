// Schedules: how late they fire on an idle system, how soon many are in Temporal, and what keeping ten thousand there costs.

import { type BenchCase, percentile } from '../figures.ts';
import {
  changeSome,
  comparison,
  createAll,
  fireEverySecond,
  idleShare,
  lookSome,
  untilSynced,
} from '../schedule-work.ts';
import { startTem } from '../tem.ts';

const METRICS_PORT = 39_464;
const SETTLE_S = 10;

export const schedules: BenchCase = {
  id: 'schedules',
  title: 'Schedules',
  about:
    'First one schedule of every second on an idle system: from each nominal time to its event. Then 10,000 are created through the API over 8 connections, until Temporal lists them. With them there, 200 changes one after the other, each from its request to the `describe` of Temporal that shows it, through whole comparisons that begin every minute. The share of the comparison is what TEM, Temporal and Postgres take when nobody asks anything, over three minutes with the schedules, less that without them.',
  runsByDefault: 1,
  figures: [
    { id: 'late50', label: 'lateness at idle, p50', unit: 'ms', target: { atMost: 500 } },
    { id: 'late99', label: 'lateness at idle, p99', unit: 'ms', target: { atMost: 1_500 } },
    { id: 'created', label: 'created and present in Temporal', unit: 'schedules/s', target: { atLeast: 20 } },
    { id: 'change50', label: 'a change reaches Temporal, p50', unit: 'ms' },
    { id: 'change99', label: 'a change reaches Temporal, p99', unit: 'ms', target: { atMost: 5_000 } },
    { id: 'compared', label: 'the whole comparison', unit: 's', target: { atMost: 60 } },
    { id: 'share', label: 'the comparison, of one core on average', unit: '%', target: { atMost: 5 } },
    { id: 'look99', label: "the ledger's look, p99", unit: 'ms', target: { atMost: 10 } },
  ],
  async run(context) {
    const tem = await startTem(context, { environment: { TEM_METRICS_PORT: String(METRICS_PORT) } });
    const metricsUrl = `http://127.0.0.1:${METRICS_PORT}/metrics`;
    try {
      const figures: Record<string, number> = {};
      await untilSynced(tem.pool);
      await idleShare(tem, context.count(SETTLE_S, 2));
      const before = await idleShare(tem, context.count(60, 20));
      context.say(`idle without them: ${before.all.toFixed(1)} % of a core`);
      const late = await fireEverySecond(tem.pool, context.count(200, 20));
      figures.late50 = percentile(late, 0.5);
      figures.late99 = percentile(late, 0.99);
      const count = context.count(10_000, 1_000);
      const made = await createAll(tem, count);
      figures.created = count / made.present;
      context.say(
        `${count} accepted after ${made.accepted.toFixed(0)} s, in Temporal after ${made.present.toFixed(0)} s`,
      );
      const changes = await changeSome(tem, context.count(200, 30), count);
      figures.change50 = percentile(changes, 0.5);
      figures.change99 = percentile(changes, 0.99);
      figures.look99 = percentile(await lookSome(tem.pool, 200), 0.99);
      const after = await idleShare(tem, context.count(180, 65));
      figures.share = after.all - before.all;
      const compared = await comparison(metricsUrl);
      figures.compared = compared.seconds;
      return {
        figures,
        notes: {
          firings: late.length,
          schedules: count,
          'accepted, s': made.accepted,
          changes: changes.length,
          'whole comparisons so far': compared.count,
          'idle without them, % of a core': shares(before.by),
          'idle with them, % of a core': shares(after.by),
        },
      };
    } finally {
      await tem.stop();
    }
  },
};

function shares(by: Record<string, number>): string {
  return Object.entries(by)
    .map(([name, share]) => `${name} ${share.toFixed(1)}`)
    .join(', ');
}
