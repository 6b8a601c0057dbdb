// What the checks of one process share: the gates of its shops, what it knows of them, and one writer, so that results that
// come together are written together. Made once for each pool, which a process has one of.

import type { Pool } from 'pg';
import type { FeatureDependencies } from '../../core/feature.ts';
import { createGroupCommit, type GroupCommit } from '../../core/group-commit.ts';
import { inTransaction } from '../../core/ledger/in-transaction.ts';
import { isUnavailable } from '../../core/ledger/pool.ts';
import { loadAdapters } from './checking/adapters.ts';
import { ShopBreakers } from './checking/breakers.ts';
import { type CheckerDependencies, type CheckOptions, check } from './checking/checker.ts';
import { Robots } from './checking/robots.ts';
import { type FlowTaker, ShopGates } from './checking/shop-gates.ts';
import type { PriceSettings } from './settings.ts';
import type { Checkable } from './store/products.ts';
import { type Recorded, recordChecks } from './store/record.ts';
import type { CheckResult } from './store/results.ts';
import { readShops, type Shop } from './store/shops.ts';

/** A change of a shop is obeyed within this. */
const SHOP_KEPT_MS = 1_000;
const SHOPS_MAX = 20_000;
const WRITE_SIZE_MAX = 500;
const WRITES_AT_ONCE = 2;

export interface Engine {
  /** Undefined when there is none. */
  shop(id: string): Promise<Shop | undefined>;
  /** See checking/checker.ts. */
  check(product: Checkable, shop: Shop, options: CheckOptions): Promise<CheckResult>;
  /** Resolves after the commit, which it shares with what comes at the same time. */
  record: GroupCommit<Recorded, void>;
}

const engines = new WeakMap<Pool, Promise<Engine>>();
const flowsOf = new WeakMap<Pool, FlowTaker>();

/** Says by which flows the checks of this process go; a worker does before its first event. */
export function useFlows({ pool, flows }: { pool: Pool; flows: FlowTaker }): void {
  flowsOf.set(pool, flows);
}

export function engineOf(dependencies: FeatureDependencies<PriceSettings>): Promise<Engine> {
  const { pool } = dependencies;
  const engine = engines.get(pool) ?? createEngine(dependencies);
  engines.set(pool, engine);
  return engine;
}

async function createEngine(dependencies: FeatureDependencies<PriceSettings>): Promise<Engine> {
  const { pool, log, outbound, settings } = dependencies;
  const flows = flowsOf.get(pool);
  if (!flows) throw new Error('prices are checked in a worker, which has flows');
  const gates = new ShopGates(flows, new ShopBreakers(pool, log));
  const { userAgent } = settings;
  const checker: CheckerDependencies = {
    outbound,
    gates,
    robots: new Robots(pool, { outbound, gates }, userAgent),
    adapters: await loadAdapters(settings.adapterModules),
    userAgent,
  };
  return {
    shop: createShopReader(pool),
    check: (product, shop, options) => check(checker, product, shop, options),
    record: createGroupCommit<Recorded, void>({
      write: async (results) => {
        await inTransaction(pool, (client) => recordChecks(client, results));
        return results.map(() => undefined);
      },
      sizeMax: WRITE_SIZE_MAX,
      statementsMax: WRITES_AT_ONCE,
      isShared: isUnavailable,
    }),
  };
}

function createShopReader(pool: Pool): Engine['shop'] {
  const known = new Map<string, { shop: Promise<Shop | undefined>; atMs: number }>();
  return (id) => {
    const now = performance.now();
    const found = known.get(id);
    if (found && now - found.atMs < SHOP_KEPT_MS) return found.shop;
    if (known.size >= SHOPS_MAX) known.clear();
    const shop = readShops(pool, { ids: [id] }).then(([row]) => row);
    known.set(id, { shop, atMs: now });
    shop.catch(() => known.delete(id));
    return shop;
  };
}
