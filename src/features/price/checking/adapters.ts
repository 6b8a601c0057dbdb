// Adapters of one's own: modules that TEM_PRICE_ADAPTERS names. Each exports `priceAdapter`, and a shop names it in its
// settings; what it says is checked as if it came from the page.

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../../../settings.ts';
import { currencyCode } from '../rules/currencies.ts';
import { isZero } from '../rules/decimal.ts';
import { isNotFound, type Reading } from '../rules/found.ts';
import { readMachinePrice } from '../rules/machine-price.ts';
import type { Shop } from '../store/shops.ts';

export interface PriceAdapter {
  /** What a shop's settings say as `module`. */
  name: string;
  /** The price in an answer, as a decimal text or a number; nothing where the page has none. May throw. */
  read(answer: {
    url: string;
    status: number;
    headers: Record<string, string>;
    text: string;
  }): { price: string | number; currency?: string; title?: string } | undefined;
}

export interface PriceAdapters {
  has(name: string): boolean;
  read(shop: Shop, answer: Parameters<PriceAdapter['read']>[0]): Reading;
}

/** Loads the modules: paths or package names. Throws a ConfigError that says what is wrong with which. */
export async function loadAdapters(modules: readonly string[]): Promise<PriceAdapters> {
  const adapters = new Map<string, PriceAdapter>();
  for (const module of modules) {
    const address = /^[./]/.test(module) ? pathToFileURL(resolve(module)).href : module;
    const loaded = (await import(address).catch((error: Error) => {
      throw new ConfigError(`TEM_PRICE_ADAPTERS: ${module} can't be loaded: ${error.message.split('\n')[0]}`);
    })) as { priceAdapter?: PriceAdapter };
    const adapter = loaded.priceAdapter;
    if (typeof adapter?.name !== 'string' || typeof adapter.read !== 'function')
      throw new ConfigError(`TEM_PRICE_ADAPTERS: ${module} exports no priceAdapter with a name and a function read`);
    adapters.set(adapter.name, adapter);
  }
  return {
    has: (name) => adapters.has(name),
    read(shop, answer) {
      const adapter = adapters.get(shop.settings.module ?? '');
      if (!adapter) return { error: 'page_changed', detail: `this worker has no adapter ${shop.settings.module}` };
      try {
        return reading(adapter.read(answer), shop.locale ?? undefined);
      } catch (error) {
        return { error: 'page_changed', detail: `the adapter ${adapter.name} failed: ${(error as Error).message}` };
      }
    },
  };
}

function reading(given: ReturnType<PriceAdapter['read']>, locale: string | undefined): Reading {
  const read = readMachinePrice(given?.price, locale);
  if (read === undefined) return { error: 'page_changed', detail: 'the adapter found no price' };
  if (isNotFound(read)) return read;
  if (isZero(read.price)) return { error: 'no_price', detail: 'the price is 0' };
  const currency = currencyCode(given?.currency) ?? read.currency;
  return { source: 'module', price: read.price, currency, title: given?.title, conflicts: [] };
}
