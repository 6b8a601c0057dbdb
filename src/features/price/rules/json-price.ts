// The `json` adapter: a price, currency and title at JSON pointers (RFC 6901) of an answer that is JSON.

import { currencyCode } from './currencies.ts';
import type { Reading } from './found.ts';
import { isNotFound } from './found.ts';
import { readMachinePrice } from './machine-price.ts';

export interface JsonSettings {
  price: string;
  currency?: string | undefined;
  title?: string | undefined;
}

const TITLE_LENGTH_MAX = 500;

/** The value at a pointer; undefined when there is none. */
export function atPointer(value: unknown, pointer: string): unknown {
  if (pointer === '') return value;
  let at = value;
  for (const step of pointer.slice(1).split('/')) {
    const name = step.includes('~') ? step.replaceAll('~1', '/').replaceAll('~0', '~') : step;
    if (Array.isArray(at)) at = /^(0|[1-9]\d*)$/.test(name) ? at[Number(name)] : undefined;
    else if (typeof at === 'object' && at !== null && Object.hasOwn(at, name))
      at = (at as Record<string, unknown>)[name];
    else return undefined;
  }
  return at;
}

export function readJsonPrice(body: string, settings: JsonSettings, locale: string | undefined): Reading {
  let value: unknown;
  try {
    value = JSON.parse(body.startsWith('\ufeff') ? body.slice(1) : body);
  } catch {
    return { error: 'page_changed', detail: 'the answer is no JSON' };
  }
  const given = atPointer(value, settings.price);
  if (given === undefined) return { error: 'page_changed', detail: `nothing at ${settings.price || 'the root'}` };
  const read = readMachinePrice(given, locale);
  if (read === undefined) return { error: 'no_price', detail: `the price at ${settings.price} is empty` };
  if (isNotFound(read)) return read;
  const currency = settings.currency === undefined ? undefined : currencyCode(atPointer(value, settings.currency));
  const title = settings.title === undefined ? undefined : atPointer(value, settings.title);
  return {
    source: 'json',
    price: read.price,
    currency: currency ?? read.currency,
    title: typeof title === 'string' ? title.slice(0, TITLE_LENGTH_MAX) : undefined,
    conflicts: [],
  };
}
