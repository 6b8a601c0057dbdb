// JSON-LD after schema.org: the page's Product and its Offer. Related products, list items and reviews on the same page
// are not looked at; offers that differ are ambiguous.

import { currencyCode } from '../currencies.ts';
import { isNotFound, type NotFound, type Offer, type SourceReading } from '../found.ts';
import { readMachinePrice } from '../machine-price.ts';
import { agreed } from './agreed.ts';

type Node = Record<string, unknown>;

const NODES_MAX = 5_000;
const PRODUCTS = new Set(['Product', 'ProductGroup', 'IndividualProduct', 'ProductModel', 'Vehicle', 'Book']);
const OFFERS = new Set(['Offer', 'AggregateOffer']);
const OTHER_PRODUCTS = new Set([
  'isRelatedTo',
  'isSimilarTo',
  'isAccessoryOrSparePartFor',
  'isConsumableFor',
  'itemListElement',
  'review',
  'reviews',
  'recommendations',
]);
/** Not what one pays now. */
const OTHER_PRICES = /ListPrice|StrikethroughPrice|SRP|MSRP|InvoicePrice|MinimumAdvertisedPrice/;

/** The offer that a page's JSON-LD values describe. */
export function readJsonLd(values: readonly unknown[], locale: string | undefined): SourceReading {
  const products: Node[] = [];
  const offers: Node[] = [];
  let left = NODES_MAX;
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || left <= 0) return;
    left -= 1;
    if (Array.isArray(value)) return void value.forEach(visit);
    const node = value as Node;
    if (hasType(node, PRODUCTS)) return void products.push(node);
    if (hasType(node, OFFERS)) return void offers.push(node);
    for (const [name, inner] of Object.entries(node)) if (!OTHER_PRODUCTS.has(name)) visit(inner);
  };
  values.forEach(visit);
  const readings = products.flatMap((product) => productOffers(product, locale));
  if (readings.length > 0) return agreed(readings);
  return agreed(offers.flatMap((offer) => offerPrices(offer, undefined, locale)));
}

function productOffers(product: Node, locale: string | undefined): (Offer | NotFound)[] {
  const title = typeof product.name === 'string' ? product.name : undefined;
  const own = list(product.offers).flatMap((offer) => offerPrices(offer, title, locale));
  // A group of variants has its offers there.
  return own.length > 0 ? own : list(product.hasVariant).flatMap((variant) => productOffers(variant, locale));
}

function offerPrices(offer: Node, title: string | undefined, locale: string | undefined): (Offer | NotFound)[] {
  const currency = currencyCode(offer.priceCurrency);
  const given =
    offer.price !== undefined && offer.price !== ''
      ? [offer.price]
      : [offer.lowPrice, offer.highPrice].filter((price) => price !== undefined);
  const direct = given.flatMap((price) => reading(price, currency, title, locale));
  if (direct.length > 0) return direct;
  const specified = list(offer.priceSpecification)
    .filter((each) => !OTHER_PRICES.test(String(each.priceType ?? '')))
    .flatMap((each) => reading(each.price, currencyCode(each.priceCurrency) ?? currency, title, locale));
  return specified.length > 0 ? specified : list(offer.offers).flatMap((each) => offerPrices(each, title, locale));
}

function reading(
  value: unknown,
  currency: string | undefined,
  title: string | undefined,
  locale: string | undefined,
): (Offer | NotFound)[] {
  const read = readMachinePrice(value, locale);
  if (read === undefined) return [];
  if (isNotFound(read)) return [read];
  return [{ source: 'json-ld', price: read.price, currency: currency ?? read.currency, title }];
}

function list(value: unknown): Node[] {
  const items = Array.isArray(value) ? value.slice(0, NODES_MAX) : [value];
  return items.filter((item): item is Node => typeof item === 'object' && item !== null && !Array.isArray(item));
}

function hasType(node: Node, names: ReadonlySet<string>): boolean {
  const types = Array.isArray(node['@type']) ? node['@type'] : [node['@type']];
  return types.some((type) => typeof type === 'string' && names.has(type.replace(/^.*[/#:]/, '')));
}
