// Who is told of a deal: the inbox of a user by a `notification` event, a Telegram chat by a `price.telegram` event. Each
// deal is told of once, in the transaction that marks it told.

import type { Emit, Transaction } from '../../../core/event-type.ts';
import { DEAL_COLUMNS, type DealRow } from '../store/deals.ts';

const DEALS_AT_ONCE = 1_000;
/** Deals of one Telegram message's event, and those that a notification lists. */
export const DIGEST_DEALS_MAX = 20;
/** More deals for one user at once are a digest. */
const SINGLE_MAX = 3;

interface Subscription {
  user: string | null;
  chat: string | null;
  deals: string[];
}

/** Makes the events for what hasn't been told; resolves to how many. */
export async function tellDeals(tx: Transaction, emit: Emit): Promise<{ deals: number; told: number }> {
  const { rows: deals } = await tx.query<DealRow>(
    `select ${DEAL_COLUMNS} from tem.price_deal d join tem.price_product p on p.id = d.product
     where d.told_at is null order by d.id limit $1 for no key update of d skip locked`,
    [DEALS_AT_ONCE],
  );
  if (deals.length === 0) return { deals: 0, told: 0 };
  const ids = deals.map(({ id }) => id);
  await tx.query('update tem.price_deal set told_at = clock_timestamp() where id = any($1::bigint[])', [ids]);
  const { rows: subscriptions } = await tx.query<Subscription>(
    `select s."user", s.chat, array_agg(distinct d.id::text) as deals
     from tem.price_subscription s join tem.price_deal d on d.id = any($1::bigint[]) and d.percent >= s.min_percent
       join tem.price_product p on p.id = d.product and (s.shop is null or s.shop = p.shop) and (s.product is null or s.product = p.id)
     group by s."user", s.chat order by s."user", s.chat`,
    [ids],
  );
  const byId = new Map(deals.map((deal) => [deal.id, deal]));
  let told = 0;
  for (const { user, chat, deals: named } of subscriptions) {
    const theirs = named.flatMap((id) => byId.get(id) ?? []).sort((a, b) => b.percent - a.percent);
    for (const { key, deals: some } of parcels(theirs)) {
      told += 1;
      if (chat !== null) {
        await emit(
          'price.telegram',
          { chat, deals: some.map(({ id }) => id) },
          { key: `deal/${key}/${chat}`, priority: 2 },
        );
      } else if (user !== null) {
        const payload = { user, title: titleOf(some), body: textOf(some), data: { deals: some.map(({ id }) => id) } };
        await emit('notification', payload, { key: `deal/${key}/${user}`, priority: 2 });
      }
    }
  }
  return { deals: deals.length, told };
}

/** A few deals are told one by one, many as digests. */
function parcels(deals: readonly DealRow[]): { key: string; deals: DealRow[] }[] {
  const size = deals.length <= SINGLE_MAX ? 1 : DIGEST_DEALS_MAX;
  const found: { key: string; deals: DealRow[] }[] = [];
  for (let at = 0; at < deals.length; at += size) {
    const some = deals.slice(at, at + size);
    // A deal is told of once, so that its id names the parcel.
    found.push({ key: some[0]?.id ?? '', deals: some });
  }
  return found;
}

function titleOf(deals: readonly DealRow[]): string {
  const [deal] = deals;
  if (deals.length !== 1 || !deal) return `${deals.length} deals`;
  return `${Math.round(deal.percent)} % less: ${deal.title ?? deal.product}`.slice(0, 500);
}

/** Plain text, shown letter by letter wherever it is shown. */
export function textOf(deals: readonly DealRow[]): string {
  return deals
    .map(({ title, product, referencePrice, price, currency, url }) =>
      [
        `${title ?? product}`.slice(0, 200),
        `${referencePrice} → ${price}${currency === null ? '' : ` ${currency}`}`,
        url.slice(0, 300),
      ].join('\n'),
    )
    .join('\n\n');
}
