// The engine of checks on a real database and real flows, for tests that need no event around a check.

import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { createWorkerFlows } from '../../../src/core/flows/index.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { createOutbound } from '../../../src/core/outbound/index.ts';
import { RANK } from '../../../src/features/price/checking/shop-gates.ts';
import { type Engine, engineOf, useFlows } from '../../../src/features/price/engine.ts';
import { putProducts, readCheckables } from '../../../src/features/price/store/products.ts';
import { putShop, type Shop } from '../../../src/features/price/store/shops.ts';
import { atEnd } from '../../support/at-end.ts';
import { createDatabase } from '../../support/database.ts';

const log = pino({ level: 'silent' });
export const SETTINGS = { userAgent: 'TEM-PriceChecks/1', adapterModules: [], telegram: undefined };

export async function startEngine() {
  const { pool, databaseUrl } = await createDatabase();
  const listener = createListener(databaseUrl, log);
  const outbound = createOutbound({ allow: ['127.0.0.1'] });
  const workerFlows = createWorkerFlows({ workerId: randomUUID(), pool, listener, log });
  await workerFlows.start();
  useFlows({ pool, flows: workerFlows.flows });
  atEnd(async () => {
    await workerFlows.stop();
    await listener.stop();
    await outbound.close();
  });
  const engine: Engine = await engineOf({ pool, log, outbound, settings: SETTINGS, config: undefined as never });
  const shop = async (id: string, more: Partial<Shop> = {}): Promise<void> => {
    await putShop(pool, {
      id,
      name: id,
      adapter: 'json',
      ratePerMinute: 1_000,
      maxInFlight: 100,
      timeoutMs: 2_000,
      settings: { price: '/price', currency: '/currency' },
      locale: null,
      robots: true,
      ...more,
    });
  };
  const product = async (id: string, shopId: string, url: string, currency?: string): Promise<void> => {
    const row = {
      id,
      shop: shopId,
      url,
      title: undefined,
      currency,
      popularity: 0,
      activeDeal: false,
      price: undefined,
    };
    await putProducts(pool, [row], { replace: true });
  };
  /** The check's result, written; rejects with ShopClosed. */
  const check = async (id: string, becomes?: string) => {
    const [found] = await readCheckables(pool, [id]);
    const itsShop = found && (await engine.shop(found.shop));
    if (!found || !itsShop) throw new Error(`no product ${id}`);
    const result = await engine.check(found, itsShop, { rank: RANK.batch, signal: new AbortController().signal });
    await engine.record({ ...result, becomes });
    return result;
  };
  return { pool, engine, shop, product, check };
}
