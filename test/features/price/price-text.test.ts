// Prices as shops print them. Each case of a kind that was read wrong somewhere, and properties that hold for all.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimal, decimalOfNumber, sameDecimal } from '../../../src/features/price/rules/decimal.ts';
import { readPriceText } from '../../../src/features/price/rules/price-text.ts';

describe('a price in a text', () => {
  test.each<[string, string | undefined, string, string?]>([
    // P1: a point with three digits behind it.
    ['1.226 €', 'de', '1226', 'EUR'],
    ['1.226,99 €', 'de', '1226.99', 'EUR'],
    ['2.999 TL', 'tr', '2999', 'TRY'],
    ['13.900 Ft', 'hu', '13900', 'HUF'],
    ['1.234.123 €', 'de', '1234123', 'EUR'],
    ['1.226 €', 'tr', '1226', 'EUR'],
    ['£3.350', 'en', '3.350', 'GBP'],
    ['£3,350', 'en', '3350', 'GBP'],
    ['1.226,99 €', undefined, '1226.99', 'EUR'],
    ['1.234.123 €', undefined, '1234123', 'EUR'],
    ['1,226.99', 'de', '1226.99'],
    // P3: apostrophes, thin and no-break spaces, a leading comma, no cents.
    ["CHF 1'200.20", undefined, '1200.20', 'CHF'],
    ['1’299.–', undefined, '1299.00'],
    ['1\u00a0299,00 €', undefined, '1299.00', 'EUR'],
    ['1\u202f299,00 €', 'fr', '1299.00', 'EUR'],
    ['1\u2009299,00 €', undefined, '1299.00', 'EUR'],
    ['5 499 kr', 'sv', '5499', 'SEK'],
    ['5 499 kr', undefined, '5499'],
    [',89 €', undefined, '0.89', 'EUR'],
    ['0,350 kg', undefined, '0.350'],
    ['19,- €', 'de', '19.00', 'EUR'],
    ['₺1.299,90', 'tr', '1299.90', 'TRY'],
    ['1.299,90TL', 'tr', '1299.90', 'TRY'],
    ['Fiyat: 849,90 TL', 'tr', '849.90', 'TRY'],
    ['₹1,23,456.50', 'hi', '123456.50', 'INR'],
    ['$1,234,567', undefined, '1234567'],
    ['$12.5', 'en-US', '12.50', 'USD'],
    ['1234.567', undefined, '1234.567'],
    ['7', undefined, '7'],
  ])('%j in %s is %s', (text, locale, price, currency) => {
    expect(readPriceText(text, locale)).toEqual({ price, currency });
  });

  test.each<[string, string | undefined, string]>([
    ['3.350', undefined, 'ambiguous_price'],
    ['1,226 €', undefined, 'ambiguous_price'],
    ['1.299,90 TL 849,90 TL', 'tr', 'ambiguous_price'],
    ['19,99 – 29,99 €', 'de', 'ambiguous_price'],
    ['12,99 € (100 g)', 'de', 'ambiguous_price'],
    ['12 34', undefined, 'ambiguous_price'],
    ['3.89E8', undefined, 'no_price'],
    ['3.89e+8 €', 'de', 'no_price'],
    ['-5,00 €', 'de', 'no_price'],
    ['1.2.3', undefined, 'no_price'],
    ['1.22,999.0', undefined, 'no_price'],
    ['Preis auf Anfrage', 'de', 'no_price'],
    ['', 'de', 'no_price'],
    ['9'.repeat(400), 'de', 'no_price'],
    ['9'.repeat(40), 'de', 'no_price'],
  ])('%j in %s is refused as %s', (text, locale, error) => {
    expect(readPriceText(text, locale)).toMatchObject({ error, detail: expect.stringMatching(/./) });
  });

  test('is what Intl printed, in every locale that groups and points in its own way', () => {
    const locales = ['tr', 'de', 'en', 'fr', 'hu', 'sv', 'pl', 'de-CH', 'es', 'pt', 'cs', 'it', 'nl', 'ru', 'fi', 'ja'];
    const cents = fc.integer({ min: 1, max: 99_999_999_999 });
    fc.assert(
      fc.property(fc.constantFrom(...locales), cents, fc.boolean(), (locale, amount, withCents) => {
        const value = withCents ? amount / 100 : Math.ceil(amount / 100);
        const digits = withCents ? 2 : 0;
        const format = {
          style: 'currency',
          currency: 'EUR',
          minimumFractionDigits: digits,
          maximumFractionDigits: digits,
        };
        const printed = new Intl.NumberFormat(locale, format as Intl.NumberFormatOptions).format(value);
        expect(readPriceText(printed, locale)).toEqual({ price: value.toFixed(digits), currency: 'EUR' });
      }),
      { numRuns: 400 },
    );
  });

  test('never throws, and never gives what is no decimal', () => {
    const piece = fc.constantFrom('1', '23', '456', '.', ',', "'", ' ', '-', '€', 'TL', 'E', '–', '\u00a0', '%');
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(undefined, 'de', 'en', 'xx'), (given, locale) => {
        const read = readPriceText(given, locale);
        if ('price' in read) expect(read.price).toMatch(/^(0|[1-9]\d*)(\.\d{2,6})?$/);
      }),
    );
  });
});

describe('a decimal', () => {
  test('keeps its zeros and is equal whatever their number', () => {
    expect(decimal('2879.2')).toBe('2879.20');
    expect(decimal('007.50')).toBe('7.50');
    expect(decimal('1.1234567')).toBeUndefined();
    expect(sameDecimal('2879.2', '2879.20')).toBe(true);
    expect(sameDecimal('100', '1')).toBe(false);
    expect(sameDecimal('100.00', '100')).toBe(true);
  });

  test.each<[number, string | undefined]>([
    [3.89e8, '389000000'],
    [2879.2, '2879.20'],
    [0.1, '0.10'],
    [1e21, undefined],
    [1e-7, undefined],
    [0.000001, '0.000001'],
    [12345678901234.568, undefined],
    [-1, undefined],
    [0, '0'],
    [Number.NaN, undefined],
  ])('of the JSON number %s is %s', (number, text) => {
    expect(decimalOfNumber(number)).toBe(text);
  });
});
