// Notifications on their way to 1,000 connected users: from the request to the socket, with batches and without.

import { join } from 'node:path';
import type { BenchContext } from '../context.ts';
import type { BenchCase } from '../figures.ts';
import { startProgram } from '../processes.ts';
import { ADMIN_KEY, startTem } from '../tem.ts';
import { watchWork } from '../work.ts';

const USERS = 1_000;
const SECONDS = 60;
const WARM_UP_SECONDS = 5;
const PER_SECOND = 100;
const PER_SECOND_WITHOUT_BATCHES = 60;

interface Pushed {
  sent: number;
  received: number;
  p50Ms: number;
  p99Ms: number;
}

export const push: BenchCase = {
  id: 'push',
  title: '1,000 connected users',
  about:
    'One WebSocket for each of 1,000 users; single POSTs at a fixed rate for 60 s to users in turn, each at its time whether or not earlier ones are answered. From the time when the request was due to the arrival of the frame, in one process that does nothing else. Then the same with TEM_BATCH=off.',
  runsByDefault: 1,
  figures: [
    { id: 'p50', label: 'push p50, 100 a second', unit: 'ms' },
    { id: 'p99', label: 'push p99, 100 a second', unit: 'ms', target: { atMost: 250 } },
    { id: 'offP50', label: 'push p50, 60 a second, TEM_BATCH=off', unit: 'ms' },
    { id: 'offP99', label: 'push p99, 60 a second, TEM_BATCH=off', unit: 'ms', target: { atMost: 600 } },
  ],
  async run(context) {
    const withBatches = await measure(context, PER_SECOND, {}, 'with batches: ');
    const without = await measure(context, PER_SECOND_WITHOUT_BATCHES, { TEM_BATCH: 'off' }, 'TEM_BATCH=off: ');
    return {
      figures: { p50: withBatches.p50Ms, p99: withBatches.p99Ms, offP50: without.p50Ms, offP99: without.p99Ms },
      notes: { ...withBatches.notes, ...without.notes },
    };
  },
};

async function measure(
  context: BenchContext,
  perSecond: number,
  environment: Record<string, string>,
  prefix: string,
): Promise<Pushed & { notes: Record<string, string | number> }> {
  const tem = await startTem(context, { environment });
  const program = startProgram(
    new URL('../load/sockets.ts', import.meta.url),
    {
      url: tem.apiUrl,
      adminKey: ADMIN_KEY,
      users: context.count(USERS, 50),
      perSecond,
      warmUpSeconds: context.count(WARM_UP_SECONDS, 1),
      seconds: context.count(SECONDS, 3),
    },
    join(context.folder, 'sockets.log'),
  );
  try {
    const work = watchWork(tem);
    const pushed = (await program.result) as unknown as Pushed;
    if (pushed.received !== pushed.sent) throw new Error(`${pushed.received} of ${pushed.sent} notifications arrived`);
    return { ...pushed, notes: await work(pushed.sent, prefix) };
  } finally {
    await program.stop();
    await tem.stop();
  }
}
