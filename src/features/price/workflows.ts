// A sweep: takes what is due shop by shop, a bounded number of slices in flight, until nothing is left. It keeps no list of
// products: what is checked is no longer due, so that a run that goes on, or comes after a crash, asks only for the rest.

import {
  type ActivityOptions,
  CancellationScope,
  continueAsNew,
  isCancellation,
  proxyActivities,
  sleep,
} from '@temporalio/workflow';
import type { EventWorkflowInput } from '../../core/event-workflow.ts';
import type { SliceEnd, SliceInput, SweepBegin, SweepPlan, SweepSummary } from './sweep/activities.ts';

export interface PriceSweepActivities {
  'price.beginSweep'(input: { event: string }): Promise<SweepBegin>;
  'price.planSweep'(input: { sweep: string; without: string[]; inFlight: number }): Promise<SweepPlan>;
  'price.checkSlice'(input: SliceInput): Promise<SliceEnd>;
  'price.awaitResume'(input: { sweep: string }): Promise<void>;
  'price.endSweep'(input: { sweep: string; cancelled: boolean; left: string[] }): Promise<SweepSummary>;
}

/** What a run hands on to the next one. */
export interface SweepPosition {
  /** How often each shop was left alone. */
  closings: [shop: string, times: number][];
}

/** Slices in flight over all workers. */
const SLICES_IN_FLIGHT_MAX = 24;
/** A run that goes on begins with an empty history. */
const SLICES_PER_RUN_MAX = 300;
/** A shop that is left alone so often is left for the next sweep. */
const CLOSINGS_MAX = 3;
const CLOSED_WAIT_MAX_MS = 10 * 60_000;

const AWAY_RETRY = { initialInterval: 500, backoffCoefficient: 2, maximumInterval: 10_000 } as const;
const STEP: ActivityOptions = { startToCloseTimeout: '2m', retry: AWAY_RETRY };
const SLICE: ActivityOptions = { startToCloseTimeout: '15m', heartbeatTimeout: '10s', retry: AWAY_RETRY };
const PAUSE: ActivityOptions = { startToCloseTimeout: '24h', heartbeatTimeout: '20s', retry: AWAY_RETRY };

const steps = proxyActivities<PriceSweepActivities>(STEP);
const slices = proxyActivities<PriceSweepActivities>(SLICE);
const pauses = proxyActivities<PriceSweepActivities>(PAUSE);

export async function priceSweep(input: EventWorkflowInput, position?: SweepPosition): Promise<SweepSummary> {
  const sweep = input.event;
  if (!position) {
    const begun = await steps['price.beginSweep']({ event: sweep });
    if (begun.skipped !== undefined) return { sweep, skipped: begun.skipped };
  }
  const closings = new Map(position?.closings ?? []);
  try {
    const goesOn = await checkAll(sweep, closings);
    if (goesOn) await continueAsNew<typeof priceSweep>(input, { closings: [...closings] });
    return await steps['price.endSweep']({ sweep, cancelled: false, left: givenUp(closings) });
  } catch (error) {
    if (isCancellation(error))
      await CancellationScope.nonCancellable(() => steps['price.endSweep']({ sweep, cancelled: true, left: [] }));
    throw error;
  }
}

/** True when the run has done its share of slices and more may be due. */
async function checkAll(sweep: string, closings: Map<string, number>): Promise<boolean> {
  let started = 0;
  for (;;) {
    const plan = await steps['price.planSweep']({
      sweep,
      without: givenUp(closings),
      inFlight: SLICES_IN_FLIGHT_MAX,
    });
    if (plan.slices.length === 0) return false;
    if (started >= SLICES_PER_RUN_MAX) return true;
    const waiting = [...plan.slices].reverse();
    let paused = false;
    let closedForMs = 0;
    const lane = async (): Promise<void> => {
      for (let shops = waiting.pop(); shops && !paused && started < SLICES_PER_RUN_MAX; shops = waiting.pop()) {
        started += 1;
        const end = await slices['price.checkSlice']({ sweep, shops });
        paused ||= end.paused;
        for (const { shop, forMs } of end.closed) {
          const times = forMs > CLOSED_WAIT_MAX_MS ? CLOSINGS_MAX : (closings.get(shop) ?? 0) + 1;
          closings.set(shop, times);
          if (times < CLOSINGS_MAX) closedForMs = Math.max(closedForMs, forMs);
        }
        // Behind the others, so that a shop with much to check doesn't keep its lane.
        if (end.more.length > 0) waiting.unshift(end.more);
      }
    };
    await Promise.all(Array.from({ length: Math.min(SLICES_IN_FLIGHT_MAX, waiting.length) }, lane));
    if (paused) await pauses['price.awaitResume']({ sweep });
    else if (closedForMs > 0) await sleep(closedForMs);
  }
}

function givenUp(closings: ReadonlyMap<string, number>): string[] {
  return [...closings].flatMap(([shop, times]) => (times >= CLOSINGS_MAX ? [shop] : []));
}
