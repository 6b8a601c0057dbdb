// Whose turn it is at a shop: kinds of checks in their order, within its rate.

import { expect, test } from 'vitest';
import { putFlow } from '../../../src/core/flows/index.ts';
import { RANK } from '../../../src/features/price/checking/shop-gates.ts';
import { readCheckables } from '../../../src/features/price/store/products.ts';
import { waitFor } from '../../support/wait.ts';
import { startEngine } from './engine.ts';
import { startShop } from './shop.ts';

test('who waits for a shop is let through by kind: a person, notifications, discovery, batches', async () => {
  const { pool, shop, product, engine } = await startEngine();
  const server = await startShop();
  await shop('s');
  await putFlow(pool, { type: 'price', group: 's', paused: true, maxInFlight: 1, rate: null });
  const itsShop = await engine.shop('s');
  const kinds = ['batch', 'discovery', 'notification', 'person'] as const;
  const wanted = kinds.flatMap((kind) => [0, 1, 2].map((n) => ({ kind, id: `${kind}-${n}` })));
  for (const { id } of wanted) await product(id, 's', `${server.url}/${id}`);
  const found = new Map(
    (
      await readCheckables(
        pool,
        wanted.map(({ id }) => id),
      )
    ).map((each) => [each.id, each]),
  );
  // robots.txt first, so that what follows waits for nothing but its turn.
  await putFlow(pool, { type: 'price', group: 's', paused: false, maxInFlight: 1, rate: null });
  const check = ({ id, kind }: (typeof wanted)[number]) => {
    const product = found.get(id);
    if (!product || !itsShop) throw new Error(`no product ${id}`);
    return engine.check(product, itsShop, { rank: RANK[kind], signal: new AbortController().signal });
  };
  await check(wanted[0]!);
  await putFlow(pool, { type: 'price', group: 's', paused: true, maxInFlight: 1, rate: null });
  const held = check(wanted[0]!);
  await waitFor(async () => {
    // Workers obey within two seconds: from then on nothing goes.
    const before = server.pages().length;
    const until = performance.now() + 2_000;
    await waitFor(() => performance.now() > until);
    return server.pages().length === before;
  });
  const asked = server.pages().length;
  const all = [held, ...wanted.slice(1).map(check)];
  await putFlow(pool, { type: 'price', group: 's', paused: false, maxInFlight: 1, rate: null });
  await Promise.all(all);
  const order = server
    .pages()
    .slice(asked)
    .map(({ path }) => path.replace(/[^a-z]/g, ''));
  const ranks = order.map((kind) => RANK[kind as (typeof kinds)[number]]);
  expect(ranks).toEqual([...ranks].sort());
  expect(ranks.filter((rank) => rank === RANK.person)).toHaveLength(3);
});

test('a shop gets no more than its rate, and a hundred of a sweep stand behind a person', async () => {
  const { pool, shop, product, check, engine } = await startEngine();
  const server = await startShop();
  await shop('s');
  await putFlow(pool, { type: 'price', group: 's', paused: false, maxInFlight: 5, rate: { limit: 20, per: 'second' } });
  for (let n = 0; n < 40; n += 1) await product(`p${n}`, 's', `${server.url}/p${n}`);
  await product('person', 's', `${server.url}/person`);
  await waitFor(async () => (await check('p0')).price !== undefined);
  const started = server.pages().length;
  const sweep = Array.from({ length: 39 }, (_, n) => check(`p${n + 1}`));
  await waitFor(() => server.pages().length > started + 2);
  const [found] = await readCheckables(pool, ['person']);
  const itsShop = await engine.shop('s');
  if (!found || !itsShop) throw new Error('no product');
  await engine.check(found, itsShop, { rank: 1, signal: new AbortController().signal });
  expect(server.pages().length).toBeLessThan(started + 30);
  await Promise.all(sweep);
  const times = server.pages().map(({ atMs }) => atMs);
  const most = Math.max(...times.map((at) => times.filter((other) => other > at - 1_000 && other <= at).length));
  expect(most).toBeLessThanOrEqual(20);
});
