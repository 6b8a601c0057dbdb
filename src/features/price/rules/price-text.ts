// Reads a price as shops print it. Separators mean what the shop's locale says; where text and locale leave two
// readings, that is an error and never a guess.

import { currencyOf } from './currencies.ts';
import { decimal } from './decimal.ts';

export type PriceErrorCode = 'ambiguous_price' | 'no_price';

export type PriceText = { price: string; currency: string | undefined } | { error: PriceErrorCode; detail: string };

interface Separators {
  decimal: string;
  /** Groups of thousands; apostrophes and spaces group everywhere. */
  group: string;
}

const POINT: Separators = { decimal: '.', group: ',' };
const COMMA: Separators = { decimal: ',', group: '.' };
const APOSTROPHE: Separators = { decimal: '.', group: "'" };

const BY_LANGUAGE: Readonly<Record<string, Separators>> = {
  ...Object.fromEntries('en ja zh ko th he hi ms fil'.split(' ').map((language) => [language, POINT])),
  ...Object.fromEntries(
    'tr de es it nl pt id da el vi ro hr sl sr bs mk is ca az sq hu fr sv nb nn no fi pl cs sk ru uk bg et lv lt ka'
      .split(' ')
      .map((language) => [language, COMMA]),
  ),
};
const BY_COUNTRY: Readonly<Record<string, Separators>> = {
  'de-ch': APOSTROPHE,
  'it-ch': APOSTROPHE,
  'fr-ch': APOSTROPHE,
  'de-li': APOSTROPHE,
  'es-mx': POINT,
  ch: APOSTROPHE,
};

const TEXT_LENGTH_MAX = 300;
const SPACES = /[\s\u200b]+/g;
const APOSTROPHES = /['’‘ʼ`´′]/g;
const DASHES = /[‐‑‒–—―−]/g;
// Digits with separators between them; a separator may come first (,89), and a dash stands for no cents (1299.–).
const NUMBER = /(?:(?<![\d.,'])[.,])?\d(?:[\d.,' ]*\d)?(?:[.,]-{1,2})?/g;
const EXPONENT = /\d\s?[eE][+-]?\d/;

/** Separators of a locale (`tr`, `de-CH`); undefined when TEM doesn't know its language. */
export function separatorsOf(locale: string | undefined): Separators | undefined {
  const place = locale?.toLowerCase().replace('_', '-') ?? '';
  return BY_COUNTRY[place] ?? BY_LANGUAGE[place.split('-')[0] ?? ''];
}

/** The one price in a text; `currency` is what stands beside it, when that is clear. */
export function readPriceText(text: string, locale?: string): PriceText {
  if (text.length > TEXT_LENGTH_MAX) return none('the text is too long for a price');
  const plain = text.replace(SPACES, ' ').replace(APOSTROPHES, "'").replace(DASHES, '-').trim();
  if (EXPONENT.test(plain)) return none(`a price tag isn't in E notation: ${excerpt(plain)}`);
  const numbers = plain.match(NUMBER) ?? [];
  const [number] = numbers;
  if (number === undefined) return none(plain === '' ? 'the text is empty' : `no number in ${excerpt(plain)}`);
  if (numbers.length > 1) return ambiguous(`several numbers in ${excerpt(plain)}`);
  const at = plain.indexOf(number);
  if (/-\s?$/.test(plain.slice(0, at).replace(/[^-\s]+$/u, ''))) return none(`a price below zero: ${excerpt(plain)}`);
  const read = readNumber(number, separatorsOf(locale));
  if ('error' in read) return read;
  return { price: read.price, currency: currencyBeside(plain, number, at, locale) };
}

function readNumber(
  written: string,
  separators: Separators | undefined,
): { price: string } | { error: PriceErrorCode; detail: string } {
  // 1299.– has no cents.
  const noCents = /[.,]-{1,2}$/.test(written);
  const number = noCents ? written.replace(/[.,]-+$/, '') : written;
  const inner = number.replace(/[ ']/g, '');
  const spaced = inner !== number;
  if (spaced && !groupsWell(number.replace(/[.,]\d*$/, ''), /[ ']/) && !groupsWell(number, /[ ']/))
    return ambiguous(`the digits of ${written} aren't in groups of three`);
  const points = inner.split('.').length - 1;
  const commas = inner.split(',').length - 1;
  const finish = (whole: string, fraction = ''): { price: string } | { error: PriceErrorCode; detail: string } => {
    const text = decimal(noCents ? `${whole || '0'}.00` : fraction === '' ? whole : `${whole || '0'}.${fraction}`);
    return text === undefined ? none(`${written} is no price`) : { price: text };
  };
  if (points === 0 && commas === 0) return finish(inner);
  if (points > 0 && commas > 0) {
    const last = inner.lastIndexOf('.') > inner.lastIndexOf(',') ? '.' : ',';
    const at = inner.lastIndexOf(last);
    const [whole, fraction] = [inner.slice(0, at), inner.slice(at + 1)];
    if (whole.includes(last) || noCents || !groupsWell(whole, /[.,]/, last === '.'))
      return none(`the separators of ${written} contradict each other`);
    return finish(whole.replace(/[.,]/g, ''), fraction);
  }
  const separator = points > 0 ? '.' : ',';
  if (points + commas > 1) {
    if (!groupsWell(inner, /[.,]/, separator === ','))
      return none(`the digits of ${written} aren't in groups of three`);
    return finish(inner.replace(/[.,]/g, ''));
  }
  const [whole = '', fraction = ''] = inner.split(separator);
  const mayGroup = fraction.length === 3 && /^[1-9]\d{0,2}$/.test(whole) && !spaced;
  if (noCents || (mayGroup && separators?.group === separator)) return finish(whole + fraction);
  if (!mayGroup || separators?.decimal === separator) return finish(whole, fraction);
  return ambiguous(
    `${written} may be ${whole}${fraction} or ${whole}.${fraction}: give the shop a locale, such as tr, de or en`,
  );
}

/** Whether every group behind the first has three digits; `indian`: or two, before the last (12,34,567). */
function groupsWell(number: string, separator: RegExp, indian = false): boolean {
  const [first = '', ...groups] = number.split(separator);
  if (first.length < 1 || first.length > 3) return false;
  const last = groups.at(-1);
  if (indian && last?.length === 3 && first.length <= 2 && groups.slice(0, -1).every((group) => group.length === 2))
    return true;
  return groups.every((group) => group.length === 3);
}

function currencyBeside(text: string, number: string, at: number, locale: string | undefined): string | undefined {
  const before = text.slice(0, at).trim();
  const after = text.slice(at + number.length).trim();
  const words = [/[^\s\d]+$/u.exec(before)?.[0], /^[^\s\d]+/u.exec(after)?.[0], before, after];
  const found = new Set<string>();
  for (const word of words) {
    const currency =
      word === undefined || word === '' ? undefined : currencyOf(word.replace(/^[-:]|[:;,*]+$/g, ''), locale);
    if (currency !== undefined) found.add(currency);
  }
  return found.size === 1 ? [...found][0] : undefined;
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

function none(detail: string): PriceText & { error: PriceErrorCode } {
  return { error: 'no_price', detail };
}

function ambiguous(detail: string): PriceText & { error: PriceErrorCode } {
  return { error: 'ambiguous_price', detail };
}
