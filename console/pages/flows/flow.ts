// A flow: the limits of a type or of one of its groups, as /v1/flows answers it.

import { call } from '../../http/client.ts';
import { below } from '../../shell/router.ts';

export interface Limits {
  paused: boolean;
  maxInFlight: number | null;
  rate: { limit: number; per: 'second' | 'minute' } | null;
}

export interface Flow extends Limits {
  type: string;
  group: string | null;
}

export interface Simulation {
  simulated: string;
  arrivals: number;
  waitMs: { p50: number; p99: number; max: number } | null;
  backlog: { max: number; atEnd: number };
  perMinuteMax: number | null;
  attemptMs: number | null;
}

export function flowPath({ type, group }: Pick<Flow, 'type' | 'group'>): string {
  const ofType = below('/v1/flows', type);
  return group === null || group === '' ? ofType : below(ofType, group);
}

/** The other limits stay as they are now, not as they were when the page was shown. */
export async function setPaused(flow: Flow, paused: boolean): Promise<void> {
  const { maxInFlight, rate } = await call<Flow>('GET', flowPath(flow));
  await call('PUT', flowPath(flow), { body: { paused, maxInFlight, rate } });
}
