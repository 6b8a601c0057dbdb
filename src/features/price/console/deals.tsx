// Deals: what is far below what it used to cost.

import {
  below,
  type Column,
  call,
  Filters,
  Heading,
  href,
  LiveTable,
  numberText,
  Time,
  useLive,
  useQuery,
  useWords,
} from '../../../../console/index.ts';
import { priceText } from './product.ts';
import { PriceTabs } from './tabs.tsx';
import { words } from './words.ts';

interface Deal {
  id: string;
  product: string;
  shop: string;
  title: string | null;
  rule: string;
  price: string;
  referencePrice: string;
  percent: number;
  currency: string | null;
  foundAt: string;
  endedAt: string | null;
}

export function Page() {
  const texts = useWords(words);
  const [{ shop, active, cursor }] = useQuery();
  const query = { shop, active, cursor };
  const live = useLive(JSON.stringify(query), (signal) =>
    call<{ deals: Deal[]; nextCursor: string | null }>('GET', '/v1/price/deals', { query, signal }),
  );
  const columns: Column<Deal>[] = [
    {
      id: 'name',
      title: texts.name,
      cell: ({ product, title }) => (
        <>
          <a href={href(below('/price/products', product))}>{product}</a>
          {title && <span class="why muted">{title}</span>}
        </>
      ),
    },
    { id: 'shop', title: texts.shop, cell: (deal) => deal.shop },
    { id: 'price', title: texts.price, numeric: true, cell: ({ price, currency }) => priceText(price, currency) },
    {
      id: 'reference',
      title: texts.reference,
      numeric: true,
      cell: ({ referencePrice, currency }) => priceText(referencePrice, currency),
    },
    {
      id: 'percent',
      title: texts.percent,
      numeric: true,
      cell: ({ percent }) => numberText(percent / 100, { style: 'percent', maximumFractionDigits: 1 }),
    },
    { id: 'rule', title: texts.rule, cell: ({ rule }) => rule },
    { id: 'found', title: texts.found, cell: ({ foundAt }) => <Time at={foundAt} /> },
    { id: 'ended', title: texts.ended, cell: ({ endedAt }) => <Time at={endedAt} /> },
  ];
  return (
    <>
      <Heading title={texts.deals} live={live} />
      <PriceTabs />
      <Filters
        filters={[
          { name: 'shop', label: texts.shop, search: true },
          {
            name: 'active',
            label: texts.active,
            choices: [
              { value: 'true', label: texts.yes },
              { value: 'false', label: texts.no },
            ],
          },
        ]}
      />
      <LiveTable
        live={live}
        caption={texts.dealCaption}
        columns={columns}
        rows={live.value?.deals}
        id={({ id }) => id}
        filtered={shop !== undefined || active !== undefined}
        next={live.value?.nextCursor}
      />
    </>
  );
}
