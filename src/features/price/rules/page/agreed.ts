// Several readings of one source are one price when they are equal as decimals, and ambiguous when they aren't.

import { sameDecimal } from '../decimal.ts';
import { isNotFound, type NotFound, type Offer, type SourceReading } from '../found.ts';

export function agreed(readings: readonly (Offer | NotFound)[]): SourceReading {
  const offers = readings.filter((reading): reading is Offer => !isNotFound(reading));
  const [first] = offers;
  if (!first) return readings[0];
  const other = offers.find(({ price }) => !sameDecimal(price, first.price));
  if (other)
    return { error: 'ambiguous_price', detail: `the page offers ${first.price} and ${other.price} (${first.source})` };
  const currencies = new Set(offers.flatMap(({ currency }) => currency ?? []));
  if (currencies.size > 1)
    return { error: 'ambiguous_price', detail: `the page offers ${[...currencies].join(' and ')} (${first.source})` };
  return { ...first, currency: [...currencies][0] };
}
