// Products by shop, tier and whether they are due, and checks of those that somebody selects.

import { useState } from 'preact/hooks';
import {
  below,
  type Column,
  call,
  Filters,
  Heading,
  href,
  LiveTable,
  Time,
  useAct,
  useLive,
  useMay,
  useQuery,
  useWords,
} from '../../../../console/index.ts';
import { type Product, pointsText, priceText } from './product.ts';
import { PriceTabs, TIERS } from './tabs.tsx';
import { words } from './words.ts';

export function Page() {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const [{ shop, tier, due, cursor }] = useQuery();
  const query = { shop, tier, due, cursor };
  const live = useLive(JSON.stringify(query), (signal) =>
    call<{ products: Product[]; nextCursor: string | null }>('GET', '/v1/price/products', { query, signal }),
  );
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const productIds = (live.value?.products ?? []).map(({ id }) => id).filter((id) => ids.has(id));
  const act = useAct();
  const check = (): void =>
    void act(async () => {
      await call('POST', '/v1/price/checks', { body: { productIds } });
      setIds(new Set());
      live.refresh();
    }, texts.checking);
  return (
    <>
      <Heading title={texts.products} live={live} />
      <PriceTabs />
      <Filters
        filters={[
          { name: 'shop', label: texts.shop, search: true },
          { name: 'tier', label: texts.tier, choices: TIERS.map((value) => ({ value, label: value })) },
          {
            name: 'due',
            label: texts.onlyDue,
            choices: [
              { value: 'true', label: texts.yes },
              { value: 'false', label: texts.no },
            ],
          },
        ]}
      />
      {mayAct && (
        <div class="bar">
          <button type="button" disabled={productIds.length === 0} onClick={check}>
            {texts.checkMany(productIds.length)}
          </button>
        </div>
      )}
      <LiveTable
        live={live}
        caption={texts.productCaption}
        columns={useColumns()}
        rows={live.value?.products}
        id={({ id }) => id}
        label={({ id }) => id}
        selection={mayAct ? { ids, set: setIds } : undefined}
        filtered={shop !== undefined || tier !== undefined || due !== undefined}
        next={live.value?.nextCursor}
      />
    </>
  );
}

function useColumns(): Column<Product>[] {
  const texts = useWords(words);
  return [
    {
      id: 'name',
      title: texts.name,
      cell: ({ id, title }) => (
        <>
          <a href={href(below('/price/products', id))}>{id}</a>
          {title && <span class="why muted">{title}</span>}
        </>
      ),
    },
    { id: 'shop', title: texts.shop, cell: ({ shop }) => shop },
    {
      id: 'price',
      title: texts.price,
      numeric: true,
      cell: ({ price, currency }) => priceText(price, currency),
    },
    { id: 'tier', title: texts.tier, cell: ({ tier }) => tier },
    { id: 'priority', title: texts.priority, numeric: true, cell: ({ priority }) => pointsText(priority) },
    { id: 'next', title: texts.next, cell: ({ nextCheckAt }) => <Time at={nextCheckAt} ahead /> },
    { id: 'last', title: texts.last, cell: ({ lastCheckedAt }) => <Time at={lastCheckedAt} /> },
    {
      id: 'error',
      title: texts.error,
      cell: ({ lastError }) =>
        lastError ? (
          <span class="why">
            {lastError.code}: {lastError.detail}
          </span>
        ) : (
          '–'
        ),
    },
  ];
}
