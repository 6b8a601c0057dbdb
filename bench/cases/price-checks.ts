// Price checks beside a plain loop in the same run: a sweep and single checks, of shops that answer at once and of shops that
// take 50 ms.

import { builtProgram } from '../../test/support/program.ts';
import type { BenchContext } from '../context.ts';
import type { BenchCase } from '../figures.ts';
import {
  addProducts,
  addShops,
  checkSingly,
  inWords,
  makeDue,
  plainLoop,
  startShops,
  sweepAll,
} from '../price-work.ts';
import { keepProfile } from '../profile.ts';
import { startTem } from '../tem.ts';

const WARM_UP = 2_000;

export const priceAtOnce: BenchCase = besidePlainLoop({ delayMs: 0, products: 40_000, quick: 4_000 });
export const priceSlowShops: BenchCase = besidePlainLoop({ delayMs: 50, products: 40_000, quick: 4_000 });

function besidePlainLoop({
  delayMs,
  products,
  quick,
}: {
  delayMs: number;
  products: number;
  quick: number;
}): BenchCase {
  const answer = delayMs === 0 ? 'at once' : `after ${delayMs} ms`;
  return {
    id: delayMs === 0 ? 'price-at-once' : 'price-slow-shops',
    title: `Price checks, shops answer ${answer}`,
    about: `${products.toLocaleString('en-US')} products of 20 shops in a process of their own, limits on and none reached; each check writes the product and a row of history. The plain loop is what the machine can do here: one process, one undici pool with 200 in flight, set-wise SQL, no limits, no resume. A sweep is measured from the call that starts it to the last product written, after ${WARM_UP.toLocaleString('en-US')} checks to warm up; single checks are price.check events that are enqueued all at once. API and worker run a build, as the image does.`,
    figures: [
      { id: 'plain', label: 'plain loop', unit: 'checks/s' },
      { id: 'sweep', label: 'a sweep', unit: 'checks/s' },
      { id: 'sweepShare', label: 'a sweep, share of the plain loop', unit: '', target: { atLeast: 0.7 } },
      { id: 'single', label: 'single price.check events', unit: 'checks/s' },
      {
        id: 'singleShare',
        label: 'single events, share of the plain loop',
        unit: '',
        ...(delayMs === 0 && { target: { atLeast: 0.2 } }),
      },
      { id: 'plainProcessor', label: 'plain loop: its processor time for 1,000 checks', unit: 's' },
      { id: 'sweepProcessor', label: "a sweep: the worker's processor time for 1,000 checks", unit: 's' },
      { id: 'singleProcessor', label: "single events: the worker's processor time for 1,000 checks", unit: 's' },
      { id: 'workerMb', label: 'worker at most', unit: 'MB', target: { atMost: 400 } },
    ],
    run: (context) => measure(context, delayMs, context.count(products, quick)),
  };
}

async function measure(context: BenchContext, delayMs: number, products: number) {
  const program = context.profile ? {} : { program: await builtProgram() };
  const tem = await startTem(context, { ...program, environment: { TEM_EVENT_TYPES: '' } });
  const shops = await startShops(context, delayMs);
  try {
    const singles = Math.min(products, context.count(10_000, 1_000));
    await addShops(tem.pool);
    await addProducts(tem.pool, shops.urls, WARM_UP);
    await sweepAll(tem, WARM_UP);
    await tem.pool.query('delete from tem.price_product');
    await addProducts(tem.pool, shops.urls, products);
    const single = context.profile ? undefined : await checkSingly(tem, singles);
    const plain = await plainLoop(context, tem, products);
    await makeDue(tem.pool);
    const sweep = await sweepAll(tem, products);
    const workerMb = tem.workerPeakMb();
    await tem.stopWorker();
    return {
      figures: {
        plain: plain.perSecond,
        sweep: sweep.perSecond,
        sweepShare: sweep.perSecond / plain.perSecond,
        single: single?.perSecond ?? Number.NaN,
        singleShare: (single?.perSecond ?? Number.NaN) / plain.perSecond,
        plainProcessor: plain.processorPer1000,
        sweepProcessor: sweep.processor.worker ?? Number.NaN,
        singleProcessor: single?.processor.worker ?? Number.NaN,
        workerMb,
      },
      notes: {
        products,
        'single events': singles,
        'a sweep: processor ms per check': inWords(sweep),
        'single events: processor ms per check': inWords(single),
      },
      ...keepProfile(context, tem),
    };
  } finally {
    await Promise.all([tem.stop(), shops.stop()]);
  }
}
