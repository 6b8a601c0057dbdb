// CSV and lines of an import: a fault costs its own line, is told by its number, and nothing behind it is lost.

import { expect, test } from 'vitest';
import { CsvReader, delimiterOf } from '../../../src/features/price/rules/import/csv.ts';
import { type Line, readLines } from '../../../src/features/price/rules/import/lines.ts';
import { readRow } from '../../../src/features/price/rules/import/row.ts';

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function lines(bytes: Buffer | string, size = 7): Promise<Line[]> {
  const found: Line[] = [];
  for await (const some of readLines(chunksOf(Buffer.from(bytes), size))) found.push(...some);
  return found;
}

async function records(text: string, columns = 3, delimiter = ';') {
  const reader = new CsvReader(delimiter, columns);
  const found = reader.read(await lines(text, 1_000));
  return [...found, ...reader.end()];
}

test('lines are numbered, whatever the chunks, line ends and marks', async () => {
  for (const size of [1, 3, 1_000]) {
    expect(await lines('\ufeffa\r\n\nç\nlast', size)).toEqual([
      { number: 1, text: 'a' },
      { number: 3, text: 'ç' },
      { number: 4, text: 'last' },
    ]);
  }
});

test('a line that is too long or no UTF-8 is told by its number', async () => {
  const bytes = Buffer.concat([
    Buffer.from('a\n'),
    Buffer.from([0xc3, 0x28]),
    Buffer.from(`\n${'x'.repeat(70_000)}\nb`),
  ]);
  const found = await lines(bytes, 4_096);
  expect(found.map(({ number, text, problem }) => [number, text, problem?.code])).toEqual([
    [1, 'a', undefined],
    [2, '', 'bad_utf8'],
    [3, '', 'line_too_long'],
    [4, 'b', undefined],
  ]);
});

test('a line without an end is read in constant memory', async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    const chunk = Buffer.alloc(1_024 * 1_024, 'x');
    for (let n = 0; n < 1_024; n += 1) yield chunk;
    yield Buffer.from('\nafter\n');
  }
  const before = process.memoryUsage().rss;
  const found: Line[] = [];
  for await (const some of readLines(endless())) found.push(...some);
  expect(found.map(({ number, problem }) => [number, problem?.code])).toEqual([
    [1, 'line_too_long'],
    [2, undefined],
  ]);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1_024 * 1_024);
});

test('P13: a lone quote inside a field is a character, and the rows behind it are read', async () => {
  const rows = Array.from({ length: 10_000 }, (_, n) => `B${n};Lamp;1,00`);
  const found = await records(['A1;Monitör 27";4999,00', ...rows].join('\n'));
  expect(found).toHaveLength(10_001);
  expect(found.filter(({ problem }) => problem)).toEqual([]);
  expect(found[0]?.fields).toEqual(['A1', 'Monitör 27"', '4999,00']);
});

test('quoted fields may have space around them, doubled quotes, delimiters and line ends', async () => {
  expect((await records('"a", "b" ,"c""d,"', 3, ','))[0]?.fields).toEqual(['a', 'b', 'c"d,']);
  const found = await records('1;"iki\nsatır";x\n2;y;z');
  expect(found).toEqual([
    { number: 1, fields: ['1', 'iki\nsatır', 'x'] },
    { number: 3, fields: ['2', 'y', 'z'] },
  ]);
});

test('a quote that is never closed costs its own line and no other', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => `C${n};Lamp;1`);
  for (const later of ['', 'D;"two\nlines";1\n']) {
    const found = await records(['A;x;1', 'B;"open;1', ...rows].join('\n') + (later && `\n${later}`));
    const wrong = found.filter(({ problem }) => problem);
    expect(wrong.map(({ number, problem }) => [number, problem?.code])).toEqual([[2, 'open_quote']]);
    expect(found).toHaveLength(20_002 + (later ? 1 : 0));
  }
  // The next quote closes it in the wrong place.
  const found = await records('B;"open;1\nC;x;1\nD;"y";1');
  expect(found.map(({ number, problem }) => [number, problem?.code])).toEqual([
    [1, 'bad_quote'],
    [2, undefined],
    [3, undefined],
  ]);
});

test('the delimiter is that of the header', () => {
  expect(['id,shop,url', 'id;shop;url', 'id\tshop\turl'].map(delimiterOf)).toEqual([',', ';', '\t']);
});

test('a product is read by its shop, and refused in words', () => {
  const shops = new Map([
    ['tr', 'tr'],
    ['plain', undefined],
  ]);
  const read = (row: object) =>
    readRow({ id: '1', shop: 'tr', url: 'https://a.example/', ...row }, shops, () => undefined);
  expect(read({ price: '4.999,00', popularity: '12,5', activeDeal: 'evet', currency: 'try' })).toMatchObject({
    price: '4999.00',
    popularity: 12.5,
    activeDeal: true,
    currency: 'TRY',
  });
  const refused = [
    { price: '-5' },
    { price: '0' },
    { shop: 'plain', price: '1,299' },
    { shop: 'none' },
    { url: '' },
    { popularity: '101' },
    { activeDeal: 'maybe' },
    { currency: 'lira' },
    { id: 'a b' },
  ].map((row) => (read(row) as { code: string }).code);
  expect(refused).toEqual([
    'invalid_price',
    'invalid_price',
    'ambiguous_price',
    'unknown_shop',
    'missing_field',
    'invalid_field',
    'invalid_field',
    'invalid_field',
    'invalid_field',
  ]);
});
