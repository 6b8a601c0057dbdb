// What reading a product page comes to: a price with where it was found, or why there is none, in words and as a code.

export type PriceSource = 'json' | 'json-ld' | 'microdata' | 'opengraph' | 'selector' | 'module';

/** One source's reading. */
export interface Offer {
  source: PriceSource;
  price: string;
  currency: string | undefined;
  title: string | undefined;
}

/** Codes of a product's last error; names are part of the HTTP contract. */
export const ERROR_CODES = [
  'gone',
  'blocked',
  'page_changed',
  'ambiguous_price',
  'no_price',
  'currency_changed',
  'unreachable',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface NotFound {
  error: ErrorCode;
  detail: string;
}

export interface Found extends Offer {
  /** Other sources of the same page that say another price: `opengraph says 1199.90`. */
  conflicts: string[];
}

export type Reading = Found | NotFound;

/** A source's own result: nothing there, a price, or something that can't be read. */
export type SourceReading = Offer | NotFound | undefined;

export function isNotFound(reading: object): reading is NotFound {
  return 'error' in reading;
}
