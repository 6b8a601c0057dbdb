// Shops: whether their breaker is open and why, how many checks a minute they get, and stopping one.

import {
  Badge,
  below,
  type Column,
  call,
  general,
  Heading,
  href,
  LiveTable,
  numberText,
  Time,
  useAct,
  useLive,
  useMay,
  useQuery,
  useWords,
} from '../../../../console/index.ts';
import { PriceTabs } from './tabs.tsx';
import { words } from './words.ts';

interface Shop {
  id: string;
  name: string;
  adapter: string;
  ratePerMinute: number;
  maxInFlight: number;
  breaker: { state: 'closed' | 'open'; openUntil: string | null; reason: string | null };
  presentRate: number;
}
interface Flow {
  paused: boolean;
  maxInFlight: number | null;
  rate: unknown;
}
interface Shown {
  shops: Shop[];
  stopped: ReadonlySet<string>;
  nextCursor: string | null;
}

const flowPath = (shop: string): string => below('/v1/flows/price', shop);

/** A shop is stopped when its flow is paused. */
async function readShops(cursor: string | undefined, signal: AbortSignal): Promise<Shown> {
  const page = await call<{ shops: Shop[]; nextCursor: string | null }>('GET', '/v1/price/shops', {
    query: { cursor },
    signal,
  });
  const flows = await Promise.all(page.shops.map(({ id }) => call<Flow>('GET', flowPath(id), { signal })));
  const stopped = new Set(page.shops.filter((_, index) => flows[index]?.paused).map(({ id }) => id));
  return { ...page, stopped };
}

export function Page() {
  const texts = useWords(words);
  const [{ cursor }] = useQuery();
  const live = useLive(`shops ${cursor}`, (signal) => readShops(cursor, signal));
  return (
    <>
      <Heading title={texts.shops} live={live} />
      <PriceTabs />
      <LiveTable
        live={live}
        caption={texts.shopCaption}
        columns={useColumns(live.value?.stopped ?? new Set(), live.refresh)}
        rows={live.value?.shops}
        id={({ id }) => id}
        next={live.value?.nextCursor}
      />
    </>
  );
}

function useColumns(stopped: ReadonlySet<string>, done: () => void): Column<Shop>[] {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const mayAct = useMay('operator');
  const act = useAct();
  const stop = (id: string, paused: boolean): void =>
    void act(
      async () => {
        const { maxInFlight, rate } = await call<Flow>('GET', flowPath(id));
        await call('PUT', flowPath(id), { body: { paused, maxInFlight, rate } });
        done();
      },
      paused ? texts.stoppedToast : texts.wentOn,
    );
  const columns: Column<Shop>[] = [
    {
      id: 'shop',
      title: texts.shop,
      cell: ({ id, name }) => (
        <>
          <a href={href('/price/products', { shop: id })}>{id}</a> <span class="muted">{name}</span>
        </>
      ),
    },
    {
      id: 'breaker',
      title: texts.breaker,
      cell: ({ id, breaker: { state, openUntil, reason } }) => (
        <>
          <Badge text={texts[state]} tone={state === 'open' ? 'bad' : 'good'} />{' '}
          {stopped.has(id) && <Badge text={texts.stopped} tone="warning" />}
          {openUntil && (
            <span class="why">
              {texts.openUntil} <Time at={openUntil} ahead />
            </span>
          )}
          {reason && <span class="why muted">{reason}</span>}
        </>
      ),
    },
    { id: 'rate', title: texts.presentRate, numeric: true, cell: ({ presentRate }) => numberText(presentRate) },
    { id: 'allowed', title: texts.allowed, numeric: true, cell: ({ ratePerMinute }) => numberText(ratePerMinute) },
    { id: 'inFlight', title: texts.inFlight, numeric: true, cell: ({ maxInFlight }) => numberText(maxInFlight) },
    { id: 'adapter', title: texts.adapter, cell: ({ adapter }) => adapter },
  ];
  if (!mayAct) return columns;
  return [
    ...columns,
    {
      id: 'actions',
      title: generalTexts.actions,
      cell: ({ id }) => (
        <button type="button" onClick={() => stop(id, !stopped.has(id))}>
          {stopped.has(id) ? texts.goOn : texts.stop}
        </button>
      ),
    },
  ];
}
