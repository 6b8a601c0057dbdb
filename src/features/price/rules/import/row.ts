// One product of an import: from the texts of a CSV record or the values of a JSON line to what may be stored, or why not.

import { currencyCode } from '../currencies.ts';
import { isZero } from '../decimal.ts';
import { isNotFound } from '../found.ts';
import { readMachinePrice } from '../machine-price.ts';

export interface ProductRow {
  id: string;
  shop: string;
  url: string;
  title: string | undefined;
  currency: string | undefined;
  popularity: number | undefined;
  activeDeal: boolean | undefined;
  price: string | undefined;
}

export interface RowRefusal {
  code: string;
  detail: string;
}

export const COLUMNS = ['id', 'shop', 'url', 'title', 'currency', 'popularity', 'activeDeal', 'price'] as const;
export type Column = (typeof COLUMNS)[number];
export const ID_BYTES_MAX = 200;
export const URL_LENGTH_MAX = 2_048;
export const TITLE_LENGTH_MAX = 500;
/** Letters, digits and what ids of shops are made of; no space and nothing that a URL's path would need to escape twice. */
export const ID_PATTERN = '^[^\\s/\\\\\\u0000-\\u001f\\u007f]+$';
const ID = new RegExp(ID_PATTERN, 'u');
const TRUE = /^(true|yes|1|evet|ja)$/i;
const FALSE = /^(false|no|0|hayır|nein)$/i;

/** The column that a header's name means; `active_deal` is activeDeal. */
export function columnOf(name: string): Column | undefined {
  const bare = name.replace(/[_\s-]/g, '').toLowerCase();
  return COLUMNS.find((column) => column.toLowerCase() === bare);
}

/** `shops`: the locale of each shop that exists. `refuseUrl` says why an address may not be called. */
export function readRow(
  given: Partial<Record<Column, unknown>>,
  shops: ReadonlyMap<string, string | undefined>,
  refuseUrl: (url: string) => string | undefined,
): ProductRow | RowRefusal {
  const { id, shop, url, title } = given;
  for (const [name, value] of Object.entries({ id, shop, url })) {
    if (value === undefined || value === null || value === '')
      return { code: 'missing_field', detail: `${name} is missing` };
    if (typeof value !== 'string') return invalid(name, 'must be text');
  }
  if (Buffer.byteLength(id as string) > ID_BYTES_MAX || !ID.test(id as string) || !(id as string).isWellFormed())
    return invalid('id', `must have at most ${ID_BYTES_MAX} bytes, without spaces and slashes`);
  if (!shops.has(shop as string))
    return { code: 'unknown_shop', detail: `there is no shop ${JSON.stringify(shop).slice(0, 100)}` };
  if ((url as string).length > URL_LENGTH_MAX) return invalid('url', `must have at most ${URL_LENGTH_MAX} characters`);
  const refused = refuseUrl(url as string);
  if (refused !== undefined) return invalid('url', refused);
  if (title !== undefined && title !== null && (typeof title !== 'string' || /\0/.test(title) || !title.isWellFormed()))
    return invalid('title', 'must be text');
  const currency = empty(given.currency) ? undefined : currencyCode(given.currency);
  if (!empty(given.currency) && currency === undefined)
    return invalid('currency', 'must be an ISO 4217 code such as TRY');
  const popularity = numberOf(given.popularity);
  if (popularity === 'bad') return invalid('popularity', 'must be a number from 0 to 100');
  const activeDeal = booleanOf(given.activeDeal);
  if (activeDeal === 'bad') return invalid('activeDeal', 'must be true or false');
  const read = empty(given.price) ? undefined : readMachinePrice(given.price, shops.get(shop as string));
  if (read && isNotFound(read))
    return { code: read.error === 'no_price' ? 'invalid_price' : read.error, detail: read.detail };
  if (read && isZero(read.price)) return { code: 'invalid_price', detail: 'the price is 0' };
  return {
    id: id as string,
    shop: shop as string,
    url: url as string,
    title: empty(title) ? undefined : (title as string).slice(0, TITLE_LENGTH_MAX),
    currency: currency ?? read?.currency,
    popularity,
    activeDeal,
    price: read?.price,
  };
}

function empty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function invalid(name: string, detail: string): RowRefusal {
  return { code: 'invalid_field', detail: `${name} ${detail}` };
}

function numberOf(value: unknown): number | undefined | 'bad' {
  if (empty(value)) return undefined;
  const text = typeof value === 'string' ? value.trim().replace(',', '.') : value;
  if (typeof text === 'string' && !/^\d+(\.\d+)?$/.test(text)) return 'bad';
  const number = Number(text);
  return typeof value !== 'boolean' && number >= 0 && number <= 100 ? number : 'bad';
}

function booleanOf(value: unknown): boolean | undefined | 'bad' {
  if (empty(value)) return undefined;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return 'bad';
  return TRUE.test(value) ? true : FALSE.test(value) ? false : 'bad';
}
