// Which currency a sign or a word beside a price means. Signs that several countries share mean one only where the
// shop's locale says which.

const SIGNS: Readonly<Record<string, string>> = {
  '€': 'EUR',
  eur: 'EUR',
  euro: 'EUR',
  '£': 'GBP',
  '₺': 'TRY',
  tl: 'TRY',
  chf: 'CHF',
  'fr.': 'CHF',
  sfr: 'CHF',
  ft: 'HUF',
  zł: 'PLN',
  zl: 'PLN',
  kč: 'CZK',
  lei: 'RON',
  лв: 'BGN',
  '₴': 'UAH',
  грн: 'UAH',
  '₽': 'RUB',
  руб: 'RUB',
  '₹': 'INR',
  rs: 'INR',
  '₩': 'KRW',
  '₪': 'ILS',
  '₫': 'VND',
  '฿': 'THB',
  円: 'JPY',
  元: 'CNY',
  r$: 'BRL',
  us$: 'USD',
  a$: 'AUD',
  c$: 'CAD',
};

const SHARED_SIGNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  kr: { sv: 'SEK', nb: 'NOK', nn: 'NOK', no: 'NOK', da: 'DKK', is: 'ISK' },
  $: { 'en-us': 'USD', 'en-ca': 'CAD', 'en-au': 'AUD', 'en-nz': 'NZD', 'es-mx': 'MXN' },
  '¥': { ja: 'JPY', zh: 'CNY' },
};

const CODES = new Set(
  'EUR GBP TRY CHF HUF PLN CZK RON BGN UAH RUB INR KRW ILS VND THB JPY CNY BRL USD AUD CAD NZD MXN SEK NOK DKK ISK ZAR SGD HKD TWD IDR MYR PHP AED SAR QAR KWD BHD EGP MAD GEL AZN KZT RSD MKD ALL BAM MDL ARS CLP COP PEN'.split(
    ' ',
  ),
);

/** The ISO 4217 code that a word or sign means in this locale; undefined when it means none, or several. */
export function currencyOf(word: string, locale: string | undefined): string | undefined {
  const upper = word.trim().toUpperCase();
  if (CODES.has(upper)) return upper;
  const lower = word.trim().toLowerCase();
  const known = SIGNS[lower] ?? SIGNS[lower.replace(/\.$/, '')];
  if (known !== undefined) return known;
  const shared = SHARED_SIGNS[lower.replace(/\.$/, '')];
  const place = locale?.toLowerCase() ?? '';
  return shared?.[place] ?? shared?.[place.split('-')[0] ?? ''];
}

/** An ISO 4217 code as structured data gives it; undefined for anything else. */
export function currencyCode(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const code = value.trim().toUpperCase();
  return /^[A-Z]{3}$/.test(code) ? code : undefined;
}
