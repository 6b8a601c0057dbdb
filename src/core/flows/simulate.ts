// What a flow would have done with what has arrived: the arrivals of the past, minute by minute, against the new limits. A
// fluid model: within a minute events arrive and begin evenly, first come, first served.

import { type Flow, PERIOD_MS } from './rules.ts';

export interface Arrivals {
  /** Events that were accepted, by minute, oldest first; minutes without any included. */
  perMinute: readonly number[];
  /** How long an attempt took lately, in ms; null when none has ended. */
  attemptMs: number | null;
}

export interface Simulation {
  arrivals: number;
  /** Of those that would have begun within the time; null when none would have. */
  waitMs: { p50: number; p99: number; max: number } | null;
  backlog: { max: number; atEnd: number };
  /** How many may begin a minute at most; null: without a limit. */
  perMinuteMax: number | null;
  attemptMs: number | null;
}

const MINUTE_MS = 60_000;
/** Parts of a minute that are told apart. */
const STEPS = 60;

export function simulate(flow: Flow, { perMinute, attemptMs }: Arrivals): Simulation {
  const perMinuteMax = capacity(flow, attemptMs);
  const perStep = (perMinuteMax ?? Number.POSITIVE_INFINITY) / STEPS;
  const waits: { waitMs: number; count: number }[] = [];
  // Who waits, by the step of arrival; whoever came first begins first.
  const queue: { step: number; count: number }[] = [];
  let first = 0;
  let backlog = 0;
  let backlogMax = 0;
  perMinute.forEach((arrivals, minute) => {
    for (let part = 0; part < STEPS; part++) {
      const step = minute * STEPS + part;
      if (arrivals > 0) queue.push({ step, count: arrivals / STEPS });
      backlog += arrivals / STEPS;
      let room = Math.min(perStep, backlog);
      backlog -= room;
      for (let next = queue[first]; next && room > 0; next = queue[first]) {
        const begun = Math.min(room, next.count);
        waits.push({ waitMs: ((step - next.step) * MINUTE_MS) / STEPS, count: begun });
        room -= begun;
        next.count -= begun;
        if (next.count <= 1e-9) first += 1;
        else break;
      }
      backlogMax = Math.max(backlogMax, backlog);
    }
  });
  return {
    arrivals: perMinute.reduce((sum, count) => sum + count, 0),
    waitMs: quantiles(waits),
    backlog: { max: Math.round(backlogMax), atEnd: Math.round(backlog) },
    perMinuteMax: perMinuteMax === undefined ? null : Math.round(perMinuteMax * 100) / 100,
    attemptMs,
  };
}

function capacity({ paused, rate, maxInFlight }: Flow, attemptMs: number | null): number | undefined {
  if (paused) return 0;
  const byRate = rate ? (rate.limit * MINUTE_MS) / PERIOD_MS[rate.per] : undefined;
  const byPlaces = maxInFlight !== null && attemptMs ? (maxInFlight * MINUTE_MS) / attemptMs : undefined;
  const limits = [byRate, byPlaces].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function quantiles(waits: { waitMs: number; count: number }[]): Simulation['waitMs'] {
  const sorted = waits.filter(({ count }) => count > 0).sort((a, b) => a.waitMs - b.waitMs);
  const total = sorted.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  const at = (share: number): number => {
    let seen = 0;
    for (const { waitMs, count } of sorted) {
      seen += count;
      if (seen >= share * total - 1e-9) return Math.round(waitMs);
    }
    return Math.round(sorted.at(-1)?.waitMs ?? 0);
  };
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
