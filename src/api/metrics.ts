// The API's figures for Prometheus, in a registry of their own: requests, accepted events, and the ledger's counts as
// GET /v1/stats has them.

import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { StatsReader } from '../core/ledger/stats.ts';
import { within } from '../core/within.ts';

export interface Metrics {
  contentType: string;
  /** A registry for the figures of a feature: one that fails takes no other's figures with it. */
  ofFeature(name: string): Registry;
  text(): Promise<string>;
  /** Counts the requests of an app by route, method and status. */
  watch(app: FastifyInstance): void;
}

const ANSWER_WITHIN_MS = 2_000;
const DURATION_BUCKETS_S = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/**
 * `pool` tells whether the ledger answers at all, which figures that are long in coming don't; `from` are the URLs of
 * workers whose figures are handed on.
 */
export function createMetrics(stats: StatsReader, pool: Pool, from: readonly string[], log: Logger): Metrics {
  const registry = new Registry();
  const features = new Map<string, Registry>();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'tem_http_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'tem_http_request_duration_seconds',
    help: 'Time to answer.',
    labelNames: ['route'],
    buckets: DURATION_BUCKETS_S,
    registers: [registry],
  });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const events = gauge('tem_events', 'Events in the ledger.', ['type', 'state']);
  const estimated = gauge('tem_events_estimated', '1 where tem_events is an estimate, because it is large.', [
    'type',
    'state',
  ]);
  const statsAge = gauge('tem_stats_age_seconds', 'How old the figures of the ledger are.');
  const dueAge = gauge(
    'tem_oldest_due_age_seconds',
    'Age of the unfinished event that has been due for longest; 0 when none is.',
  );
  const workers = gauge('tem_workers_alive', 'Workers with a lease.');
  const up = gauge('tem_ledger_up', '1 when the ledger answered this scrape.');

  const readLedger = async (): Promise<void> => {
    const figures = await stats.read();
    events.reset();
    for (const [type, states] of Object.entries(figures.types)) {
      for (const [state, count] of Object.entries(states)) events.set({ type, state }, count);
    }
    estimated.reset();
    for (const [type, states] of Object.entries(figures.estimated)) {
      for (const state of states) estimated.set({ type, state }, 1);
    }
    statsAge.set(Math.max(0, Date.now() - Date.parse(figures.at)) / 1_000);
    dueAge.set((figures.oldest.dueAgeMs ?? 0) / 1_000);
    workers.set(figures.workers.alive);
  };

  return {
    contentType: registry.contentType,
    ofFeature(name) {
      const own = new Registry();
      features.set(name, own);
      return own;
    },
    async text() {
      const answers = within(ANSWER_WITHIN_MS, pool.query('select'), () => new Error('no answer'));
      const [answered] = await Promise.allSettled([answers, readLedger()]);
      up.set(Number(answered.status === 'fulfilled'));
      const texts = [...features].map(([feature, own]) =>
        own.metrics().catch((error: Error) => {
          log.warn({ feature, error: error.message }, 'the figures of a feature could not be read');
          return '';
        }),
      );
      const ofWorkers = from.map((url) =>
        read(url).catch((error: Error) => {
          log.warn({ url, error: error.message }, 'the figures of a worker could not be read');
          return '';
        }),
      );
      return [await registry.metrics(), ...(await Promise.all([...texts, ...ofWorkers]))].join('\n');
    },
    watch(app) {
      app.addHook('onResponse', async (request, reply) => {
        const route = request.routeOptions.url ?? 'none';
        requests.inc({ method: request.method, route, status: reply.statusCode });
        durations.observe({ route }, reply.elapsedTime / 1_000);
      });
    },
  };
}

async function read(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  return response.text();
}
