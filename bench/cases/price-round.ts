// A full round: 200,000 products in one sweep, with a person's checks meanwhile; how the rate and the worker's memory develop.

import { builtProgram } from '../../test/support/program.ts';
import { type BenchCase, percentile } from '../figures.ts';
import { addProducts, addShops, inWords, personChecks, startShops, sweepAll } from '../price-work.ts';
import { startTem, type Tem } from '../tem.ts';

const PRODUCTS = 200_000;
const PERSONS_PRODUCTS = 100;

export const priceRound: BenchCase = {
  id: 'price-round',
  title: 'A round of 200,000 products',
  about:
    'One sweep of 20 shops that answer at once, with their limits, their breakers and its resume on. First and last tenth by the time at which products were written. Meanwhile a person checks a product every 250 ms: from the call to the end of its event.',
  runsByDefault: 1,
  figures: [
    { id: 'rate', label: 'all of it', unit: 'checks/s' },
    { id: 'first', label: 'rate of the first tenth', unit: 'checks/s' },
    { id: 'last', label: 'rate of the last tenth', unit: 'checks/s' },
    { id: 'fall', label: 'fall of the rate', unit: '%', target: { atMost: 10 } },
    { id: 'workerMb', label: 'worker at most', unit: 'MB', target: { atMost: 400 } },
    { id: 'person50', label: "a person's check meanwhile, p50", unit: 'ms' },
    { id: 'person99', label: "a person's check meanwhile, p99", unit: 'ms', target: { atMost: 1_000 } },
  ],
  async run(context) {
    const products = context.count(PRODUCTS, 5_000);
    const tem = await startTem(context, { program: await builtProgram(), environment: { TEM_EVENT_TYPES: '' } });
    const shops = await startShops(context, 0);
    try {
      await addShops(tem.pool);
      await addProducts(tem.pool, shops.urls, products + PERSONS_PRODUCTS);
      const persons = Array.from({ length: PERSONS_PRODUCTS }, (_, n) => `p${products + n}`);
      await tem.pool.query(`update tem.price_product set next_check_at = 'infinity' where id = any($1)`, [persons]);
      const sweep = sweepAll(tem, products);
      const [work, waits] = await Promise.all([sweep, personChecks(tem, persons, sweep)]);
      return {
        figures: {
          rate: work.perSecond,
          ...(await tenths(tem, products, persons)),
          workerMb: tem.workerPeakMb(),
          person50: percentile(waits, 0.5),
          person99: percentile(waits, 0.99),
        },
        notes: { products, "a person's checks": waits.length, 'processor ms per check': inWords(work) },
      };
    } finally {
      await Promise.all([tem.stop(), shops.stop()]);
    }
  },
};

async function tenths(tem: Tem, products: number, without: readonly string[]) {
  const tenth = products / 10;
  const { rows } = await tem.pool.query<{ at: number }>(
    `select at from (
       select extract(epoch from last_checked_at)::float8 as at, row_number() over (order by last_checked_at) as n
       from tem.price_product where not id = any($2)
     ) checked where n = any($1) order by n`,
    [[1, tenth, products - tenth, products], without],
  );
  const [begin = 0, firstEnd = 0, lastBegin = 0, end = 0] = rows.map(({ at }) => at);
  const first = tenth / (firstEnd - begin);
  const last = tenth / (end - lastBegin);
  return { first, last, fall: 100 * (1 - last / first) };
}
