// One product: its price over time, where its priority comes from, and a check now.

import {
  below,
  Chart,
  call,
  Facts,
  Failed,
  Figures,
  general,
  Heading,
  href,
  LiveTable,
  Loading,
  Moment,
  type PageProps,
  problemText,
  Time,
  useAct,
  useLive,
  useMay,
  useQuery,
  useWords,
  wholeTime,
} from '../../../../console/index.ts';
import { type Product, pointsText, priceText } from './product.ts';
import { PriceTabs } from './tabs.tsx';
import { words } from './words.ts';

interface Entry {
  at: string;
  price: string;
  currency: string | null;
}

export function Page({ params: { id = '' } }: PageProps) {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const mayAct = useMay('operator');
  const path = below('/v1/price/products', id);
  const live = useLive(id, (signal) => call<Product>('GET', path, { signal }));
  const act = useAct();
  const product = live.value;
  if (!product) {
    return live.problem ? <Failed text={problemText(live.problem, generalTexts)} again={live.refresh} /> : <Loading />;
  }
  const { price, currency, priorityParts, lastError } = product;
  return (
    <>
      <Heading title={`${texts.product} ${id}`} live={live}>
        {mayAct && (
          <button type="button" onClick={() => void act(() => call('POST', `${path}/check`), texts.checking)}>
            {texts.check}
          </button>
        )}
      </Heading>
      <PriceTabs />
      <Facts
        facts={[
          [texts.name, product.title],
          [texts.price, priceText(price, currency)],
          [
            texts.shop,
            <a key="shop" href={href('/price/products', { shop: product.shop })}>
              {product.shop}
            </a>,
          ],
          [texts.address, product.url],
          [texts.tier, product.tier],
          [texts.next, <Time key="next" at={product.nextCheckAt} ahead />],
          [texts.last, <Time key="last" at={product.lastCheckedAt} />],
          [texts.error, lastError && `${lastError.code}: ${lastError.detail}`],
        ]}
      />
      <Figures
        label={texts.parts}
        figures={[
          { name: texts.priority, value: pointsText(product.priority) },
          ...(['activeDeal', 'volatility', 'popularity', 'recency'] as const).map((part) => ({
            name: texts[part],
            value: pointsText(priorityParts[part]),
          })),
        ]}
      />
      <History path={path} />
    </>
  );
}

function History({ path }: { path: string }) {
  const texts = useWords(words);
  const [{ cursor }] = useQuery();
  const live = useLive(`${path} ${cursor}`, (signal) =>
    call<{ history: Entry[]; nextCursor: string | null }>('GET', `${path}/history`, { query: { cursor }, signal }),
  );
  const history = live.value?.history;
  const points = (history ?? []).map(({ at, price }) => ({ label: wholeTime(at), value: Number(price) })).reverse();
  return (
    <>
      {points.length > 1 && (
        <Chart title={texts.chart} kind="line" points={points} unit={history?.[0]?.currency ?? ''} />
      )}
      <LiveTable
        live={live}
        caption={texts.history}
        rows={history}
        id={({ at }) => at}
        columns={[
          { id: 'at', title: texts.at, cell: ({ at }) => <Moment at={at} /> },
          { id: 'price', title: texts.price, numeric: true, cell: ({ price, currency }) => priceText(price, currency) },
        ]}
        next={live.value?.nextCursor}
      />
    </>
  );
}
