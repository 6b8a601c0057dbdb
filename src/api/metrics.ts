// The API's figures for Prometheus, in a registry of their own: requests, accepted events, and the ledger's counts as
// GET /v1/stats has them.

import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { StatsReader } from '../core/ledger/stats.ts';

export interface Metrics {
  contentType: string;
  text(): Promise<string>;
  /** Counts the requests of an app by route, method and status. */
  watch(app: FastifyInstance): void;
}

const DURATION_BUCKETS_S = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export function createMetrics(stats: StatsReader): Metrics {
  const registry = new Registry();
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
    dueAge.set((figures.oldest.dueAgeMs ?? 0) / 1_000);
    workers.set(figures.workers.alive);
  };

  return {
    contentType: registry.contentType,
    async text() {
      const answered = await readLedger().then(
        () => 1,
        () => 0,
      );
      up.set(answered);
      return registry.metrics();
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
