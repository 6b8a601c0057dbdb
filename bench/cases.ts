// THE list of benchmark cases, in the order in which they run and are shown.

import { accept } from './cases/accept.ts';
import { backlog } from './cases/backlog.ts';
import { consoleViews } from './cases/console.ts';
import { enqueue } from './cases/enqueue.ts';
import { freshClone } from './cases/fresh-clone.ts';
import { idleLatency } from './cases/idle-latency.ts';
import { notifications } from './cases/notifications.ts';
import { oldSnapshot } from './cases/old-snapshot.ts';
import { ownWorkflow } from './cases/own-workflow.ts';
import { priceAtOnce, priceSlowShops } from './cases/price-checks.ts';
import { priceLedger } from './cases/price-ledger.ts';
import { priceLimits } from './cases/price-limits.ts';
import { priceRound } from './cases/price-round.ts';
import { push } from './cases/push.ts';
import { reports } from './cases/reports.ts';
import { schedules } from './cases/schedules.ts';
import { searchSync } from './cases/search-sync.ts';
import { temporalPostgres } from './cases/temporal-postgres.ts';
import { watched } from './cases/watched.ts';
import { webhooks } from './cases/webhooks.ts';
import { webhooksFailing } from './cases/webhooks-failing.ts';
import type { BenchCase } from './figures.ts';

const pipeline: readonly BenchCase[] = [
  ownWorkflow,
  notifications,
  webhooksFailing,
  webhooks,
  idleLatency,
  accept,
  enqueue,
  backlog,
  push,
  oldSnapshot,
  freshClone,
  temporalPostgres,
];

/** What a run may name. */
export const suites: Readonly<Record<string, readonly BenchCase[]>> = {
  pipeline,
  'search-sync': [searchSync],
  schedules: [schedules],
  reports: [reports],
  watched: [watched],
  'price-checks': [priceAtOnce, priceSlowShops, priceRound, priceLedger, priceLimits],
  console: [consoleViews],
};

export const cases: readonly BenchCase[] = Object.values(suites).flat();
