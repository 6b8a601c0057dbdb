// What rows become in files, and subjects in headers: read back by parsers and decoders that no part of TEM uses.

import { extract } from 'letterparser';
import rfc2047 from 'rfc2047';
import { describe, expect, test } from 'vitest';
import xlsx from 'xlsx';
import { csvFile } from '../../../src/features/reports/files/csv.ts';
import type { Taken } from '../../../src/features/reports/files/taking.ts';
import { xlsxFile } from '../../../src/features/reports/files/xlsx.ts';
import { sheetName } from '../../../src/features/reports/files/xlsx-parts.ts';
import { parseRecipients } from '../../../src/features/reports/mail/recipients.ts';
import { encodeSubject } from '../../../src/features/reports/mail/subject.ts';
import { bind } from '../../../src/features/reports/parameters.ts';
import { type Row, type Rows, rowsOf } from '../../../src/features/reports/sources/rows.ts';
import type { Column, Kind } from '../../../src/features/reports/sources/source.ts';

const column = (kind: Kind, name: string = kind): Column => ({ name, type: kind, kind });
const taken = (more: Partial<Taken> = {}): Taken => ({ rows: 0, more: false, first: [], ...more });

async function* batch(...rows: Row[]): AsyncGenerator<Rows> {
  yield rowsOf(rows);
}
async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
async function sheetOf(columns: Column[], rows: Row[], more: Partial<Taken> = {}) {
  const file = await joined(xlsxFile('Günlük', columns, batch(...rows), taken(more), new Date('2027-01-25T06:00:00Z')));
  const book = xlsx.read(file, { cellStyles: true, cellNF: true });
  return { book, sheet: book.Sheets[book.SheetNames[0] ?? ''] as xlsx.WorkSheet };
}
const csvOf = async (columns: Column[], rows: Row[], options = {}) =>
  (await joined(csvFile(columns, batch(...rows), taken(), options))).toString();

const NUMBERS = ['9007199254740993', '8690123456789012345', '12345678901234.5678', '0.10', '-1250.50', null];

describe('numbers keep their digits', () => {
  test('in CSV, with a decimal comma where one is asked for', async () => {
    const rows = NUMBERS.map((value): Row => [value]);
    expect(await csvOf([column('number')], rows)).toBe(
      `number\r\n${NUMBERS.map((value) => `${value ?? ''}\r\n`).join('')}`,
    );
    expect(await csvOf([column('number')], [['-1250.50']], { decimalComma: true, bom: true })).toBe(
      '\ufeffnumber\r\n-1250,50\r\n',
    );
  });

  test('in XLSX as numbers up to 15 digits, as text beyond', async () => {
    const { sheet } = await sheetOf(
      [column('number'), column('text')],
      NUMBERS.map((value): Row => [value, '0012345']),
    );
    const cells = [2, 3, 4, 5, 6].map((n) => [sheet[`A${n}`]?.t, sheet[`A${n}`]?.v]);
    expect(cells).toEqual([
      ['s', '9007199254740993'],
      ['s', '8690123456789012345'],
      ['s', '12345678901234.5678'],
      ['n', 0.1],
      ['n', -1250.5],
    ]);
    expect([sheet.B2?.t, sheet.B2?.v]).toEqual(['s', '0012345']);
  });
});

const FORMULAS = ['=HYPERLINK("http://x","y")', '@SUM(A1)', '-2+3', '\t=1', '\r=1'];
const PLAIN = ['-1250,50', '+905551112233', '1E5', '0012345'];

describe('a text is never a formula', () => {
  test('in CSV it is defused by the type of its column, and a plain number is none', async () => {
    for (const text of FORMULAS) {
      const file = await csvOf([column('text')], [[text]]);
      expect(file.slice('text\r\n'.length).replace(/^"/, '')[0]).toBe("'");
    }
    for (const text of PLAIN)
      expect(await csvOf([column('text')], [[text]], { separator: ';' })).toBe(`text\r\n${text}\r\n`);
    expect(await csvOf([column('number')], [['-1250.50']])).toBe('number\r\n-1250.50\r\n');
  });

  test('in XLSX it is a text cell as it is', async () => {
    const texts = [...FORMULAS, ...PLAIN];
    const { sheet } = await sheetOf(
      [column('text')],
      texts.map((text): Row => [text]),
    );
    for (const [n, text] of texts.entries()) {
      const cell = sheet[`A${n + 2}`];
      expect([cell?.t, cell?.f, cell?.v?.replace('_x000D_', '\r')]).toEqual(['s', undefined, text]);
    }
  });
});

test('XLSX is XML 1.0 whatever the texts are, and says what it cut', async () => {
  const texts = ['A\x0bB', '\x14', '\uffff', 'a\ud83d', '😀🏽', '_x000B_', 'x'.repeat(40_000), '<&>"', ' spaces '];
  const { sheet, book } = await sheetOf(
    [column('text')],
    texts.map((text): Row => [text]),
  );
  const values = texts.map((_, n) => sheet[`A${n + 2}`]?.v);
  expect(values.slice(0, 6)).toEqual(['A\x0bB', '\x14', '\uffff', 'a\ufffd', '😀🏽', '_x000B_']);
  expect(values[6]).toHaveLength(32_767);
  expect(values.slice(7)).toEqual(['<&>"', ' spaces ']);
  expect(book.SheetNames).toEqual(['Günlük', 'TEM notes']);
  expect(book.Sheets['TEM notes']?.A1?.v).toMatch(/32767|32,767/);
});

test('XLSX has dates as dates, booleans as booleans, and the header alone in the first row', async () => {
  const columns = [column('date'), column('timestamp'), column('boolean')];
  const { sheet } = await sheetOf(columns, [
    ['2027-01-25', '2027-01-25 09:00:00+03', 't'],
    ['infinity', '1899-01-01 00:00:00', 'f'],
    ['0044-03-15 BC', '2027-01-25 18:00:00.5-04:30', null],
    ['1900-03-01', '12027-01-25 09:00:00', null],
  ]);
  expect([sheet.A1?.v, sheet.B1?.v, sheet.C1?.v]).toEqual(['date', 'timestamp', 'boolean']);
  expect([sheet.A2?.v, sheet.A2?.w, sheet.B2?.w]).toEqual([46_412, '2027-01-25', '2027-01-25 09:00:00']);
  expect([sheet.C2?.v, sheet.C3?.v]).toEqual([true, false]);
  expect([sheet.A3?.v, sheet.B3?.v]).toEqual(['infinity', '1899-01-01 00:00:00']);
  expect([sheet.A4?.v, sheet.B4?.v, sheet.C4?.v]).toEqual(['0044-03-15 BC', 46_412.750005787, undefined]);
  expect([sheet.A5?.v, sheet.B5?.v]).toEqual([61, '12027-01-25 09:00:00']);
});

test('a sheet has a name that a spreadsheet takes', () => {
  expect(sheetName("'a/b:c*?[x]'")).toBe('a b c x');
  expect(sheetName('History')).toBe('Report');
  expect(sheetName('ş'.repeat(40))).toHaveLength(31);
  expect(sheetName('///')).toBe('Report');
});

describe('a subject is what it was after two decoders', () => {
  const base = 'Günlük Rapor: 2.422 sipariş, İstanbul/Üsküdar şubesi – 25 Ocak 2027 (ek: özet) 😀 ';
  const subjects = [
    base.trim(),
    ...Array.from({ length: 48 }, (_, n) =>
      [...base.repeat(4)]
        .slice(0, 10 + n * 4)
        .join('')
        .trim(),
    ),
    'plain',
    'plain '.repeat(30).trim(),
    '=?UTF-8?Q?not_one?=',
  ];
  test.each(subjects)('%s', (subject) => {
    const header = encodeSubject(subject);
    const unfolded = header.replace(/\r\n /g, ' ');
    for (const word of header.split('\r\n ')) expect(word.length).toBeLessThanOrEqual(75);
    expect(rfc2047.decode(unfolded)).toBe(subject);
    expect(extract(`Subject: ${header}\r\n\r\nx`).subject).toBe(subject);
  });

  test('and one line, whatever was put into it', () => {
    expect(encodeSubject('a\r\nBcc: x@example.com')).toBe('a Bcc: x@example.com');
  });
});

test('recipients are taken apart, twins once, and none with a line break', () => {
  expect(parseRecipients(['Kaya, "B" <b@example.com>', 'B@EXAMPLE.com', 'ada@münchen.de'])).toEqual([
    { address: 'b@example.com', name: 'Kaya, "B"' },
    { address: 'ada@xn--mnchen-3ya.de' },
  ]);
  for (const wrong of [
    'a',
    'a@b@c',
    'a@example.com\nBcc: b@example.com',
    'A\r\n<a@example.com>',
    'a@example.com, b@example.com',
    'a b@example.com',
  ])
    expect(() => parseRecipients([wrong])).toThrow();
});

test('parameters are found outside of strings, names, comments and casts', () => {
  const sql = `select :a, ':b', "x:b", a::text, e'\\':b', $$:b$$, $t$ :b $t$ -- :b
    /* :b */, :a`;
  const bound = bind({ sql, parameters: { a: { type: 'text' } } }, { a: "'; drop table x" });
  expect(bound.values).toEqual(["'; drop table x"]);
  expect(bound.text.match(/\(\$1::text\)/g)).toHaveLength(2);
  expect(bound.text.match(/:b/g)).toHaveLength(7);
});
