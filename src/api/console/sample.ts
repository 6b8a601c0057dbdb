// One sample of the ledger's figures for all who look at an overview: read while somebody does, handed to everybody, so that
// ten open consoles cost the database what one costs.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { listIncidents } from '../../core/alerts/index.ts';
import { type Attention, readAttention } from '../../core/ledger/attention.ts';
import { instant } from '../../core/ledger/present.ts';
import type { Stats, StatsReader } from '../../core/ledger/stats.ts';

export interface Sample {
  /** The ledger's clock when it was read, RFC 3339. */
  at: string;
  stats: Stats;
  attention: Attention & { incidents: Awaited<ReturnType<typeof listIncidents>> };
}

export interface Sampler {
  /** Calls `take` with each new sample, at once with one that is fresh, until the returned function is called. */
  follow(take: (sample: Sample) => void): () => void;
}

const EVERY_MS = 2_000;
const ATTENTION_EVERY_MS = 10_000;
const INCIDENTS_MAX = 20;
/** Reading may take one part in this many of the time. */
const TIME_SHARE = 60;
const REST_MS_MAX = 300_000;

export function createSampler({ pool, stats, log }: { pool: Pool; stats: StatsReader; log: Logger }): Sampler {
  const followers = new Set<(sample: Sample) => void>();
  let latest: { sample: Sample; readAtMs: number } | undefined;
  let attention: { value: Sample['attention']; goodUntilMs: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let reading = false;

  const read = async (): Promise<Sample> => {
    if (!attention || performance.now() > attention.goodUntilMs) {
      const startedAtMs = performance.now();
      const incidents = await listIncidents(pool, { open: true, before: undefined, limit: INCIDENTS_MAX });
      const value = { ...(await readAttention(pool)), incidents };
      const restMs = Math.min((performance.now() - startedAtMs) * TIME_SHARE, REST_MS_MAX);
      attention = { value, goodUntilMs: performance.now() + Math.max(ATTENTION_EVERY_MS, restMs) };
    }
    const figures = await stats.read();
    const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
    return { at: instant(rows[0]?.now ?? null) ?? figures.at, stats: figures, attention: attention.value };
  };
  const turn = async (): Promise<void> => {
    if (reading) return;
    reading = true;
    try {
      const sample = await read();
      latest = { sample, readAtMs: performance.now() };
      for (const take of [...followers]) take(sample);
    } catch (error) {
      // Who follows sees that the last sample grows old.
      log.debug({ error: (error as Error).message }, 'the figures of the console could not be read');
    }
    reading = false;
    clearTimeout(timer);
    if (followers.size > 0) timer = setTimeout(() => void turn(), EVERY_MS);
  };

  return {
    follow(take) {
      followers.add(take);
      if (latest && performance.now() - latest.readAtMs < EVERY_MS) take(latest.sample);
      if (followers.size === 1) void turn();
      return () => {
        followers.delete(take);
        if (followers.size === 0) clearTimeout(timer);
      };
    },
  };
}
