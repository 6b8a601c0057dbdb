// The steps of a sweep as activities.

import { Context } from '@temporalio/activity';
import type { FeatureActivities, WorkerDependencies } from '../../../core/feature.ts';
import { engineOf, useFlows } from '../engine.ts';
import type { SweepPayload } from '../messages.ts';
import { grouped, SLICE_PRODUCTS_MAX } from '../rules/slices.ts';
import type { PriceSettings } from '../settings.ts';
import { beginSweep, endSweep, readSweep, shopsDue } from '../store/sweeps.ts';
import { LOOK_EVERY_MS, Slice, shareOf } from './slice.ts';

export interface SweepBegin {
  /** Why there is nothing to sweep. */
  skipped?: string | undefined;
}

export interface SweepPlan {
  /** The shops of each slice. */
  slices: string[][];
}

export interface SliceInput {
  sweep: string;
  shops: string[];
}

export interface SliceEnd {
  /** Shops of which more may be due. */
  more: string[];
  /** Shops that are left alone for so long. */
  closed: { shop: string; forMs: number }[];
  paused: boolean;
}

export interface SweepSummary {
  sweep: string;
  skipped?: string;
  due?: number;
  checked?: number;
  changed?: number;
  failed?: number;
  detail?: string | null;
}

const PLAN_SHOPS_MAX = 2_000;

export async function sweepActivities(dependencies: WorkerDependencies<PriceSettings>): Promise<FeatureActivities> {
  const { pool, payloadOf } = dependencies;
  const running = new Set<Slice>();
  useFlows(dependencies);
  // Adapters that can't be loaded stop the worker's start, in words.
  await engineOf(dependencies);
  return {
    async 'price.beginSweep'({ event }: { event: string }): Promise<SweepBegin> {
      const { tier } = (await payloadOf(event)) as SweepPayload;
      return beginSweep(pool, event, { tier });
    },
    async 'price.planSweep'({
      sweep,
      without,
      // A run of an older release doesn't say it.
      inFlight = Number.POSITIVE_INFINITY,
    }: {
      sweep: string;
      without: string[];
      inFlight?: number;
    }): Promise<SweepPlan> {
      const due = await shopsDue(pool, { sweep, without, limit: PLAN_SHOPS_MAX, countMax: SLICE_PRODUCTS_MAX });
      return { slices: grouped(due, inFlight) };
    },
    async 'price.checkSlice'(input: SliceInput): Promise<SliceEnd> {
      const slice = new Slice(dependencies, await engineOf(dependencies), input, () => shareOf(running.size));
      running.add(slice);
      return slice.run().finally(() => running.delete(slice));
    },
    async 'price.awaitResume'({ sweep }: { sweep: string }): Promise<void> {
      const { cancellationSignal } = Context.current();
      for (;;) {
        Context.current().heartbeat();
        if ((await readSweep(pool, sweep))?.state !== 'paused') return;
        await Promise.race([Context.current().sleep(LOOK_EVERY_MS), Context.current().cancelled]);
        cancellationSignal.throwIfAborted();
      }
    },
    async 'price.endSweep'({
      sweep,
      ...end
    }: {
      sweep: string;
      cancelled: boolean;
      left: string[];
    }): Promise<SweepSummary> {
      const row = await endSweep(pool, sweep, end);
      return {
        sweep,
        due: row?.due ?? 0,
        checked: row?.checked ?? 0,
        changed: row?.changed ?? 0,
        failed: row?.failed ?? 0,
        detail: row?.detail ?? null,
      };
    },
  };
}
