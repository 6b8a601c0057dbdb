// JSON from outside: what is read is what was sent, or it is refused with the place.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findFlaws, pointer } from '../../../src/core/json/flaws.ts';
import { survivesDouble } from '../../../src/core/json/number.ts';
import { JsonRefused, readJson } from '../../../src/core/json/read.ts';
import { scan } from '../../../src/core/json/scan.ts';

const read = (text: string, depthMax?: number) => readJson(Buffer.from(text), depthMax);
const codes = (text: string) => read(text).flaws.map(({ code, path }) => [code, path]);

describe('reading JSON', () => {
  it.each([
    ['{"a":1e400}', 'number_not_exact', '/a'],
    ['{"a":-1e400}', 'number_not_exact', '/a'],
    ['[0,{"a":12345678901234567890}]', 'number_not_exact', '/1/a'],
    ['9007199254740993', 'number_not_exact', ''],
    ['{"a":0.1234567890123456789012}', 'number_not_exact', '/a'],
    ['{"a":1e-400}', 'number_not_exact', '/a'],
    ['{"a":"x\\u0000"}', 'nul_character', '/a'],
    ['{"x\\u0000":1}', 'nul_character', '/x\0'],
    ['{"a":"\\ud800"}', 'lone_surrogate', '/a'],
    ['{"a":"\\udc00\\ud800"}', 'lone_surrogate', '/a'],
    ['{"a":["\\uD83D x"]}', 'lone_surrogate', '/a/0'],
    ['{"\\udfff":1}', 'lone_surrogate', '/\ufffd'],
    ['{"__proto__":{"x":1}}', 'prototype_key', '/__proto__'],
    ['{"\\u005f_proto\\u005f_":1}', 'prototype_key', '/__proto__'],
    ['{"a":{"constructor":{"prototype":{}}}}', 'prototype_key', '/a/constructor/prototype'],
    ['{"a~/b":{"__proto__":1}}', 'prototype_key', '/a~0~1b/__proto__'],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'too_deep', '/0'.repeat(64)],
    [`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 'too_deep', ''],
  ])('names the flaw of %s', (text, code, path) => {
    const [found] = read(text).flaws;
    expect(found?.code).toBe(code);
    if (code !== 'too_deep') expect(found?.path).toBe(path);
  });

  it.each([
    '{"a":0.1,"b":1.0,"c":1e3,"d":0.10,"e":-0,"f":0e400,"g":1.5E+2,"h":5e-324,"i":1.7976931348623157e308}',
    '"12345678901234567890"',
    '{"constructor":1,"prototype":2,"proto":3}',
    '{"a":"\\ud83d\\ude00 \\u00e9 \\u0001 \\\\u0000"}',
    `${'['.repeat(64)}${']'.repeat(64)}`,
    '{"a":1,"a":2}',
  ])('takes %s', (text) => {
    expect(codes(text)).toEqual([]);
  });

  it.each([
    ['', 'invalid_json'],
    ['{', 'invalid_json'],
    ['{"a":01}', 'invalid_json'],
    ['{"a":"\n"}', 'invalid_json'],
    ['NaN', 'invalid_json'],
    ["{'a':1}", 'invalid_json'],
    ['\ufeff{}', 'invalid_json'],
    ['['.repeat(2_000), 'too_deep'],
  ])('refuses %j whole', (text, code) => {
    expect(() => read(text)).toThrowError(expect.objectContaining({ name: 'JsonRefused', code }));
  });

  it('refuses bytes that are not UTF-8', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
    ]) {
      expect(() => readJson(Buffer.from(bytes))).toThrowError(JsonRefused);
    }
  });

  it('finds one flaw for each element of a batch', () => {
    const flaws = read('{"events":[{"p":1e400,"q":1e400},{"p":1},{"p":"\\u0000"}]}').flaws;
    expect(flaws.map(({ steps, code, path }) => [steps, code, path])).toEqual([
      [['events', 0], 'number_not_exact', '/events/0/p'],
      [['events', 2], 'nul_character', '/events/2/p'],
    ]);
  });

  it('does not quote the input when it is no JSON', () => {
    expect(() => read('{"password": hunter2}')).toThrowError(
      /^the body is not JSON: unexpected character at position \d+$|^the body is not JSON$/,
    );
  });
});

describe('any JSON value', () => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'large' }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__') && !text.includes('prototype'));
        const reading = read(text, 1_000);
        expect(reading.flaws).toEqual([]);
        expect(JSON.stringify(reading.value)).toBe(text);
      }),
    );
  });

  it('is flawed exactly when a string or a name in it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const expected =
          strings(value).some((text) => text.includes('\0') || /\p{Surrogate}/u.test(text)) ||
          names(value).includes('__proto__');
        fc.pre(!JSON.stringify(value).includes('prototype'));
        expect(read(JSON.stringify(value), 1_000).flaws.length > 0).toBe(expected);
      }),
      { examples: [[['__proto__']], [JSON.parse('[{"__proto__":1}]')]] },
    );
  });

  it('is never suspicious to the close look when the quick scan finds nothing', () => {
    const piece = fc.constantFrom(
      '1e5',
      '1e309',
      '123456789012345678',
      '0.10',
      '"\\u0000"',
      '"\\ud800"',
      '"\\ud800\\udc00"',
      '"a"',
      '{"__proto__":1}',
      '"\\u00e9"',
      '[]',
      '{"constructor":{"prototype":1}}',
      '"\\\\u0000"',
      '"\\"1e999"',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = `[${pieces.join(', ')}]`;
        expect(findFlaws(text, 64).length > 0).toBe(scan(Buffer.from(text), 64).suspect);
      }),
    );
  });

  it('has the pointer of the flaw, wherever it is', () => {
    const step = fc.oneof(fc.string({ minLength: 1, maxLength: 5 }), fc.nat({ max: 4 }));
    const flaw = fc.constantFrom('1e400', '"\\u0000"', '"\\udead"', '0.12345678901234567890');
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), flaw, (steps, literal) => {
        fc.pre(!steps.some((each) => each === '__proto__' || each === 'prototype'));
        const text = steps.reduceRight<string>(
          (inner, each) =>
            typeof each === 'number'
              ? `[${[...Array(each).fill('[1, "]", {"x":"}"}]'), inner, '{}'].join(' , ')}]`
              : `{ "other" : [0.5, "a\\"b"], ${JSON.stringify(each)} : ${inner} , "last": null}`,
          literal,
        );
        expect(read(text).flaws.map(({ path }) => path)).toEqual([pointer(steps)]);
      }),
    );
  });
});

describe('numbers', () => {
  it('keeps every double as JavaScript writes it', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (double) =>
        survivesDouble(JSON.stringify(double)),
      ),
    );
  });

  it('keeps every decimal of 15 digits, however it is written', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 999_999_999 }),
        fc.integer({ min: 0, max: 999_999 }),
        fc.nat({ max: 5 }),
        (whole, part, zeros) => survivesDouble(`${whole}.${String(part).padStart(6, '0')}${'0'.repeat(zeros)}`),
      ),
    );
  });

  it('keeps a whole number up to 2^54 exactly when a double has it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 54n }), (whole) => {
        expect(survivesDouble(String(whole))).toBe(BigInt(Number(whole)) === whole);
      }),
      { examples: [[2n ** 53n], [2n ** 53n + 1n], [2n ** 53n + 2n]] },
    );
  });

  it('takes no longer for hostile digits', () => {
    const startedAt = performance.now();
    expect(survivesDouble(`1${'0'.repeat(500_000)}1`)).toBe(false);
    expect(survivesDouble(`0.${'0'.repeat(500_000)}1`)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

function names(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(names)];
}

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(strings);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [name, ...strings(member)]);
}
