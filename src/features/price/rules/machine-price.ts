// Prices in structured data, where the standards want a point for decimals. Pages that print for people there too are
// read as text; what both could be is ambiguous.

import { decimal, decimalOfNumber, isZero } from './decimal.ts';
import type { NotFound } from './found.ts';
import { readPriceText, separatorsOf } from './price-text.ts';

/** A price given as a JSON number or a text; undefined when the value is empty. */
export function readMachinePrice(
  value: unknown,
  locale: string | undefined,
): { price: string; currency: string | undefined } | NotFound | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const read = readValue(value, locale);
  if ('price' in read && isZero(read.price)) return { error: 'no_price', detail: 'the price is 0' };
  return read;
}

function readValue(
  value: unknown,
  locale: string | undefined,
): { price: string; currency: string | undefined } | NotFound {
  if (typeof value === 'number') {
    const price = decimalOfNumber(value);
    if (price !== undefined) return { price, currency: undefined };
    const detail = value < 0 ? `a price below zero: ${value}` : `${value} has more digits than a JSON number keeps`;
    return { error: value < 0 ? 'no_price' : 'ambiguous_price', detail };
  }
  if (typeof value !== 'string') return { error: 'no_price', detail: `a price that is of type ${typeof value}` };
  const text = value.trim();
  const price = decimal(text);
  // 2.999 in a shop that prints thousands with a point is either the standard's decimal or what its people read.
  const mayBeThousands = /^[1-9]\d{0,2}\.\d{3}$/.test(text) && separatorsOf(locale)?.group === '.';
  if (price === undefined) return readPriceText(text, locale);
  if (!mayBeThousands) return { price, currency: undefined };
  return { error: 'ambiguous_price', detail: `${text} in structured data may be ${text.replace('.', '')} or ${text}` };
}
