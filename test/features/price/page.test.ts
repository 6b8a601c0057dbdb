// Product pages as shops really write them: which source decides, what is ambiguous, what isn't JSON and still has a price.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readJsonPrice } from '../../../src/features/price/rules/json-price.ts';
import { readPage } from '../../../src/features/price/rules/page/page.ts';

const ld = (json: string) => `<script type="application/ld+json">${json}</script>`;
const product = (price: unknown, more = '') =>
  `{"@context": "https://schema.org", "@type": "Product", "name": "Lamp"${more}, "offers": {"@type": "Offer", "price": ${JSON.stringify(price)}, "priceCurrency": "EUR"}}`;
const html = (body: string) => `<!doctype html><html><head><title>A page</title></head><body>${body}</body></html>`;

describe('P5: one price in several spellings', () => {
  test('of JSON-LD, microdata and OpenGraph is one price', () => {
    const page = html(
      `${ld(product(2879.2))}<meta itemprop=price content="2879.20"><meta property="og:price:amount" content="2879.20">`,
    );
    expect(readPage(page, {}, 'de')).toEqual({
      source: 'json-ld',
      price: '2879.20',
      currency: 'EUR',
      title: 'Lamp',
      conflicts: [],
    });
  });

  test('the content attribute wins over the visible text, on any element', () => {
    const page = html(
      '<span itemprop="price" content="1299.90">1.299,90</span><meta property="product:price:amount" content="1299.90">',
    );
    expect(readPage(page, {}, undefined)).toMatchObject({ source: 'microdata', price: '1299.90', conflicts: [] });
  });

  test('the order of the sources decides, and the conflict is told', () => {
    const page = html(
      `${ld(product('10.00'))}<meta itemprop=price content="11.00"><meta property="og:price:amount" content="10">`,
    );
    expect(readPage(page, {}, 'de')).toMatchObject({ price: '10.00', conflicts: ['microdata says 11.00'] });
  });

  test('the selector is asked last, and reads text by the locale', () => {
    const page = html('<div class="p">2.999 TL</div>');
    expect(readPage(page, { selector: '.p' }, 'tr')).toMatchObject({
      source: 'selector',
      price: '2999',
      currency: 'TRY',
    });
    expect(readPage(page, { selector: '.p' }, undefined)).toMatchObject({ error: 'ambiguous_price' });
    expect(readPage(page, { selector: '.gone' }, 'tr')).toMatchObject({ error: 'page_changed' });
    expect(readPage(page, {}, 'tr')).toMatchObject({ error: 'no_price' });
  });
});

describe("P7: JSON-LD that isn't quite JSON", () => {
  test.each([
    ['a raw newline in the description', product(7.5, ', "description": "two\nlines\tand a tab"')],
    ['}; at the end', `${product(7.5)};`],
    ['CDATA marks', `// <![CDATA[\n${product(7.5)}\n// ]]>`],
    ['entities in a string', product(7.5, ', "description": "27&quot; wide &amp; flat"')],
    ['a BOM', `\ufeff${product(7.5)}`],
    ['two objects in one block', `{"@type": "WebSite"}\n${product(7.5)}`],
    ['a broken value before', `{"@type": "Product", "offers": {,}\n${product(7.5)}`],
    ['a comma too many', product(7.5).replace(/}$/, ',}')],
    ['a graph', `{"@graph": [{"@type": "WebPage"}, ${product(7.5)}]}`],
    ['a type with its address', product(7.5).replace('"Product"', '["http://schema.org/Product"]')],
  ])('%s', (_, json) => {
    expect(readPage(html(ld(json)), {}, undefined)).toMatchObject({ source: 'json-ld', price: '7.50', title: 'Lamp' });
  });

  test('a broken block spoils neither the next block nor the other sources', () => {
    expect(readPage(html(ld('{"@type": "Prod') + ld(product(7.5))), {}, undefined)).toMatchObject({ price: '7.50' });
    const page = html(`${ld('{{{')}<meta itemprop="price" content="8.00">`);
    expect(readPage(page, {}, undefined)).toMatchObject({ source: 'microdata', price: '8.00' });
  });

  test('related products and list prices are not the price', () => {
    const json = `{"@type": "Product", "isRelatedTo": ${product(1)}, "offers": {"priceSpecification": [
      {"priceType": "https://schema.org/StrikethroughPrice", "price": 20, "priceCurrency": "EUR"},
      {"@type": "UnitPriceSpecification", "price": 15, "priceCurrency": "EUR"}]}}`;
    expect(readPage(html(ld(json)), {}, undefined)).toMatchObject({ price: '15', currency: 'EUR' });
  });
});

describe('what is refused', () => {
  test.each<[string, string, string | undefined, string]>([
    ['offers that differ', ld(`[${product(1)}, ${product(2)}]`), undefined, 'ambiguous_price'],
    [
      'a range',
      ld('{"@type":"Product","offers":{"@type":"AggregateOffer","lowPrice":1,"highPrice":2}}'),
      undefined,
      'ambiguous_price',
    ],
    ['2.999 where a point groups', ld(product('2.999')), 'tr', 'ambiguous_price'],
    ['a price of 0', ld(product(0)), undefined, 'no_price'],
    ['a price below zero', ld(product(-3)), undefined, 'no_price'],
    ['a barrier', '<title>Just a moment...</title><div class="cf-challenge"></div>', undefined, 'blocked'],
    ['bytes', '\u0000\u0001\ufffd', undefined, 'page_changed'],
  ])('%s', (_, body, locale, error) => {
    expect(readPage(body, {}, locale)).toMatchObject({ error });
  });

  test('nothing that a page holds makes the reading throw', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '{',
      '[',
      '"',
      '\\',
      'script type="application/ld+json"',
      '</script>',
      '@type',
      ' itemprop=price content=',
      '1.5',
      '<![CDATA[',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 30 }), (pieces) => {
        readPage(pieces.join(''), { selector: 'p' }, 'de');
      }),
      { numRuns: 300 },
    );
  });

  test('a hostile page of a megabyte takes no second', () => {
    const started = performance.now();
    readPage(html(ld('{'.repeat(1_000_000))), {}, undefined);
    readPage(html(ld('{"a":['.repeat(100_000))), {}, undefined);
    expect(readPage('<p>'.repeat(300_000), { selector: 'p' }, undefined)).toMatchObject({ error: expect.any(String) });
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('the json adapter', () => {
  const settings = { price: '/data/0/price', currency: '/data/0/cur', title: '/data/0/a~1b' };
  test.each<[string, object]>([
    ['{"data":[{"price":3.89E8,"cur":"TRY","a/b":"Lamp"}]}', { price: '389000000', currency: 'TRY', title: 'Lamp' }],
    ['{"data":[{"price":"2879.2"}]}', { price: '2879.20', currency: undefined }],
    ['{"data":[{"price":12345678901234.5678}]}', { error: 'ambiguous_price' }],
    ['{"data":[{"price":null}]}', { error: 'no_price' }],
    ['{"data":[{"price":0}]}', { error: 'no_price' }],
    ['{"data":[{}]}', { error: 'page_changed' }],
    ['<html>', { error: 'page_changed' }],
  ])('%s', (body, expected) => {
    expect(readJsonPrice(body, settings, undefined)).toMatchObject(expected);
  });
});
