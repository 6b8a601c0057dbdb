// JSON whose numbers keep their digits. A number that a double would change, such as 3544790567247868102 or 1.0, is read
// as Digits and written as it was; all others are plain numbers. Objects have no prototype: any name is a name.

export class Digits {
  constructor(readonly text: string) {}
}

export type Json = null | boolean | number | string | Digits | Json[] | { [name: string]: Json };

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// Up to the quote that ends it.
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /[\s]*/y;
const WORDS: Record<string, null | boolean> = { t: true, f: false, n: null };

/** Throws a SyntaxError for what isn't JSON. */
export function readJson(text: string): Json {
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) throw new SyntaxError(`unexpected character at position ${at}`);
    at += found.length;
    return found;
  };
  const peek = (): string => {
    take(SPACE);
    return text[at] ?? '';
  };
  const expect = (character: string): void => {
    if (peek() !== character) throw new SyntaxError(`expected ${character} at position ${at}`);
    at++;
  };
  /** Whether another member follows. */
  const goesOn = (end: string): boolean => {
    if (peek() === ',') {
      at++;
      return true;
    }
    expect(end);
    return false;
  };
  const value = (): Json => {
    const first = peek();
    if (first === '{') return object();
    if (first === '[') return array();
    if (first === '"') return JSON.parse(take(STRING)) as string;
    if (first in WORDS) {
      const word = WORDS[first] as null | boolean;
      if (!text.startsWith(String(word), at)) throw new SyntaxError(`unexpected character at position ${at}`);
      at += String(word).length;
      return word;
    }
    return number(take(NUMBER));
  };
  const object = (): Json => {
    const members: { [name: string]: Json } = Object.create(null);
    expect('{');
    if (peek() === '}') {
      at++;
      return members;
    }
    do {
      peek();
      const name = JSON.parse(take(STRING)) as string;
      expect(':');
      members[name] = value();
    } while (goesOn('}'));
    return members;
  };
  const array = (): Json => {
    const items: Json[] = [];
    expect('[');
    if (peek() === ']') {
      at++;
      return items;
    }
    do items.push(value());
    while (goesOn(']'));
    return items;
  };
  const read = value();
  if (peek() !== '') throw new SyntaxError(`unexpected character at position ${at}`);
  return read;
}

function number(text: string): number | Digits {
  const double = Number(text);
  return String(double) === text ? double : new Digits(text);
}

/** With line breaks when `indent` is more than 0. */
export function writeJson(value: Json | undefined, indent = 0): string {
  return write(value ?? null, indent, '');
}

function write(value: Json, indent: number, margin: string): string {
  if (value instanceof Digits) return value.text;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const isArray = Array.isArray(value);
  const inner = margin + ' '.repeat(indent);
  const members = isArray
    ? value.map((item) => write(item, indent, inner))
    : Object.entries(value).map(
        ([name, member]) => `${JSON.stringify(name)}:${indent > 0 ? ' ' : ''}${write(member, indent, inner)}`,
      );
  const [open, close] = isArray ? '[]' : '{}';
  if (members.length === 0) return `${open}${close}`;
  if (indent === 0) return `${open}${members.join(',')}${close}`;
  return `${open}\n${inner}${members.join(`,\n${inner}`)}\n${margin}${close}`;
}

/** The value at a path such as `order.items.0.id`; undefined where there is none. */
export function at(value: Json | undefined, path: string): Json | undefined {
  let found = value;
  for (const step of path.split('.')) {
    if (typeof found !== 'object' || found === null || found instanceof Digits) return undefined;
    if (Array.isArray(found)) found = found.find((_item, index) => String(index) === step);
    else found = Object.hasOwn(found, step) ? found[step] : undefined;
  }
  return found;
}
