// What price checks ask of the ledger: imports, claims of a slice from five million products, and priorities of a million.

import { Readable } from 'node:stream';
import { rankAll } from '../../src/features/price/store/priorities.ts';
import { DUE } from '../../src/features/price/store/products.ts';
import { builtProgram } from '../../test/support/program.ts';
import type { BenchContext } from '../context.ts';
import { type BenchCase, percentile } from '../figures.ts';
import { addProducts, addShops } from '../price-work.ts';
import { ADMIN_KEY, startTem, type Tem } from '../tem.ts';

const SHOPS = 20;
const CLAIMS = 300;
const SLICE = 1_000;
const DAILY = 5;
const MEMORY_EVERY_MS = 100;

export const priceLedger: BenchCase = {
  id: 'price-ledger',
  title: 'Price checks: imports, claims and priorities',
  about:
    'An import of 1,000,000 new products as CSV of 100 bytes a line, and the same file again; claims of a slice of 1,000 from 5,000,000 products of 20 shops, all due, by the statement of a sweep; the priorities of 1,000,000 products with four prices each, by the function of the event price.priorities. A statement of theirs holds its locks until it has ended.',
  runsByDefault: 1,
  figures: [
    { id: 'import', label: 'import of new products', unit: 'rows/s', target: { atLeast: 10_000 } },
    { id: 'again', label: 'the same file again', unit: 'rows/s', target: { atLeast: 10_000 } },
    { id: 'importMb', label: 'import: API above what it had', unit: 'MB', remark: 'RSS, every 100 ms' },
    { id: 'claim50', label: 'claim of a slice, p50', unit: 'ms' },
    { id: 'claim99', label: 'claim of a slice, p99', unit: 'ms', target: { atMost: 50 } },
    { id: 'priorities', label: 'priorities', unit: 's', target: { atMost: 60 } },
    { id: 'longest', label: 'priorities: longest statement', unit: 'ms', target: { atMost: 200 } },
  ],
  async run(context) {
    const tem = await startTem(context, { program: await builtProgram(), worker: false });
    try {
      await addShops(tem.pool);
      const imports = await importTwice(context, tem);
      const priorities = await rank(context, tem);
      await tem.pool.query('truncate tem.price_product cascade');
      const { claims, plan, products } = await claim(context, tem);
      return {
        figures: {
          ...imports.figures,
          ...priorities.figures,
          claim50: percentile(claims, 0.5),
          claim99: percentile(claims, 0.99),
        },
        notes: { ...imports.notes, ...priorities.notes, 'products claimed from': products },
        texts: { 'The plan of a claim': plan },
      };
    } finally {
      await tem.stop();
    }
  },
};

async function importTwice(context: BenchContext, tem: Tem) {
  const rows = context.count(1_000_000, 50_000);
  const beforeMb = tem.apiMb();
  let mb = beforeMb;
  const sampler = setInterval(() => {
    mb = Math.max(mb, tem.apiMb());
  }, MEMORY_EVERY_MS);
  try {
    const first = await importSeconds(tem, rows, 'created');
    const again = await importSeconds(tem, rows, 'updated');
    return {
      figures: { import: rows / first, again: rows / again, importMb: mb - beforeMb },
      notes: { 'rows imported': rows, 'API before, MB': beforeMb },
    };
  } finally {
    clearInterval(sampler);
  }
}

async function importSeconds(tem: Tem, rows: number, counted: 'created' | 'updated'): Promise<number> {
  const startedAt = performance.now();
  const answer = await fetch(`${tem.apiUrl}/v1/price/products/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'text/csv' },
    body: Readable.toWeb(Readable.from(csv(rows))) as ReadableStream,
    duplex: 'half',
  } as RequestInit);
  const result = (await answer.json()) as Record<string, unknown>;
  if (result[counted] !== rows) throw new Error(`the import answered ${JSON.stringify(result).slice(0, 500)}`);
  return (performance.now() - startedAt) / 1_000;
}

function* csv(rows: number): Generator<Buffer> {
  yield Buffer.from('id,shop,url,title,popularity,currency,price\n');
  const each = 1_000;
  for (let from = 0; from < rows; from += each) {
    const lines = Array.from({ length: Math.min(each, rows - from) }, (_, k) => {
      const n = from + k;
      return `p${n},s${n % SHOPS},http://127.0.0.1:${8_000 + (n % SHOPS)}/products/${n},Kulaklık ${n} Pro,${n % 101},TRY,${100 + (n % 900)}.90\n`;
    });
    yield Buffer.from(lines.join(''));
  }
}

async function rank(context: BenchContext, tem: Tem) {
  const products = context.count(1_000_000, 50_000);
  await tem.pool.query(
    `insert into tem.price_history select id, now() - n * interval '5 days', 100 + n * (length(id) + n), 'TRY'
     from tem.price_product, generate_series(1, 3) n`,
  );
  await tem.pool.query(`update tem.price_product set last_checked_at = now() - interval '3 hours'`);
  await tem.pool.query('vacuum analyze tem.price_product, tem.price_history');
  const startedAt = performance.now();
  let longest = 0;
  let ranked = 0;
  let statementAt = startedAt;
  for await (const { products: some } of rankAll(tem.pool)) {
    ranked += some;
    longest = Math.max(longest, performance.now() - statementAt);
    statementAt = performance.now();
  }
  if (ranked !== products) throw new Error(`${ranked} of ${products} products were ranked`);
  return {
    figures: { priorities: (performance.now() - startedAt) / 1_000, longest },
    notes: { 'products ranked': products },
  };
}

async function claim(context: BenchContext, tem: Tem) {
  const products = context.count(5_000_000, 50_000);
  await addProducts(
    tem.pool,
    Array.from({ length: SHOPS }, (_, n) => `http://127.0.0.1:${n + 1}`),
    products,
  );
  const values = (n: number): unknown[] => [[DAILY], `s${n % SHOPS}`, new Date().toISOString(), SLICE];
  const claims: number[] = [];
  for (let n = 0; n < CLAIMS; n += 1) {
    const startedAt = performance.now();
    const { rowCount } = await tem.pool.query(DUE, values(n));
    claims.push(performance.now() - startedAt);
    if (rowCount !== SLICE) throw new Error(`a claim gave ${rowCount} products`);
  }
  const { rows } = await tem.pool.query<Record<string, string>>(`explain (analyze, buffers) ${DUE}`, values(0));
  return { claims, plan: rows.map((row) => row['QUERY PLAN']).join('\n'), products };
}
