// The event types of recurring work: sweeps, priorities, discovery, notifications and cleanup.

import { defineEventType, type EventType } from '../../core/event-type.ts';
import type { FeatureDependencies } from '../../core/feature.ts';
import { NoPayload, SweepPayload } from './messages.ts';
import { telegramType } from './notify/telegram.ts';
import { tellDeals } from './notify/tell.ts';
import type { PriceSettings } from './settings.ts';
import { clean } from './store/cleanup.ts';
import { rankAll } from './store/priorities.ts';
import { neverChecked } from './store/products.ts';

type Dependencies = FeatureDependencies<PriceSettings>;

const DISCOVERED_AT_ONCE = 1_000;
const DISCOVERED_MAX = 100_000;
const DISCOVERY_PRIORITY = 3;

export function recurringTypes(dependencies: Dependencies): EventType[] {
  const { pool } = dependencies;
  return [
    defineEventType({
      name: 'price.sweep',
      payload: SweepPayload,
      refuse: ({ tier, all }) =>
        (tier === undefined) === (all === undefined)
          ? { path: '/tier', message: 'must be there, or all: true instead of it' }
          : undefined,
      retry: { maxAttempts: 3, base: '10s', cap: '5m' },
      timeout: '48h',
      workflow: 'priceSweep',
    }),
    defineEventType({
      name: 'price.priorities',
      payload: NoPayload,
      timeout: '2h',
      long: true,
      async handle(_event, { signal, heartbeat }) {
        const done = { products: 0, changed: 0 };
        for await (const { products, changed } of rankAll(pool)) {
          signal.throwIfAborted();
          done.products += products;
          done.changed += changed;
          heartbeat(done);
        }
        return done;
      },
    }),
    defineEventType({
      name: 'price.discover',
      payload: NoPayload,
      timeout: '5m',
      async handle({ id }, { emit }) {
        const ids = await neverChecked(pool, DISCOVERED_MAX);
        for (let at = 0; at < ids.length; at += DISCOVERED_AT_ONCE) {
          const options = { key: `discover/${id}/${at}`, priority: DISCOVERY_PRIORITY };
          await emit('price.batch', { products: ids.slice(at, at + DISCOVERED_AT_ONCE) }, options);
        }
        return { products: ids.length };
      },
    }),
    defineEventType({
      name: 'price.notify',
      payload: NoPayload,
      timeout: '2m',
      handle: (_event, { tx, emit }) => tellDeals(tx, emit),
    }),
    defineEventType({
      name: 'price.cleanup',
      payload: NoPayload,
      timeout: '2h',
      long: true,
      handle: (_event, { signal, heartbeat }) => clean(pool, signal, heartbeat),
    }),
    telegramType(dependencies),
  ];
}
