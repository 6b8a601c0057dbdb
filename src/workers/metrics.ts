// A worker's figures for Prometheus, served on a port of its own when one is set; without it nothing is measured. Their
// names begin with tem_worker_, so that an API can hand them on beside its own.

import { createServer } from 'node:http';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { hostUrl } from '../core/host-url.ts';
import { ConfigError } from '../settings.ts';
import type { AttemptInput, EventActivities } from '../workflows/contract.ts';

export interface WorkerMetricsOptions {
  host: string;
  port: number;
  /** How many workflow runs it has in flight at most. */
  slots: number;
  /** How many attempts run now. */
  running(): number;
  /** What the relay has done since its start, by name. */
  counters(): Readonly<Record<string, number>>;
  pools: Readonly<Record<string, Pool>>;
  log: Logger;
}

export interface WorkerMetrics {
  /** A registry for the figures of a feature. */
  ofFeature(name: string): Registry;
  /** The same activities, with their outcomes counted and their time taken. */
  watch<Activities extends Watched>(activities: Activities): Activities;
  start(): Promise<void>;
  stop(): Promise<void>;
}

type Watched = Pick<EventActivities, 'firstAttempt' | 'attempt' | 'runBatch'>;

const PREFIX = 'tem_worker_';
const DURATION_BUCKETS_S = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600];

export function createWorkerMetrics(options: WorkerMetricsOptions): WorkerMetrics {
  const { log } = options;
  const registry = new Registry();
  const features = new Map<string, Registry>();
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  gauges(registry, options);
  const attempts = new Counter({
    name: `${PREFIX}attempts_total`,
    help: 'Attempts by what came of them; a batch counts its members.',
    labelNames: ['type', 'outcome'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: `${PREFIX}attempt_duration_seconds`,
    help: 'Time of an attempt, or of a batch, with its beginning and its mark.',
    labelNames: ['type'],
    buckets: DURATION_BUCKETS_S,
    registers: [registry],
  });

  const timed = async <Result>(type: string, work: () => Promise<Result>): Promise<Result> => {
    const end = durations.startTimer({ type });
    return work().finally(end);
  };
  const counted = async <Outcome extends { outcome: string }>(
    { type }: AttemptInput,
    attempt: () => Promise<Outcome>,
  ): Promise<Outcome> => {
    try {
      const result = await timed(type, attempt);
      attempts.inc({ type, outcome: result.outcome });
      return result;
    } catch (error) {
      // Later attempts are told to Temporal as failures.
      attempts.inc({ type, outcome: 'retry' });
      throw error;
    }
  };

  const text = async (): Promise<string> => {
    const texts = [registry, ...features.values()].map((each) =>
      each.metrics().catch((error: Error) => {
        log.warn({ error: error.message }, 'some figures could not be read');
        return '';
      }),
    );
    return (await Promise.all(texts)).join('\n');
  };
  const server = createServer(async (request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': registry.contentType }).end(await text());
  });

  return {
    ofFeature(name) {
      const own = new Registry();
      features.set(name, own);
      return own;
    },
    watch: (activities) => ({
      ...activities,
      firstAttempt: (input) => counted(input, () => activities.firstAttempt(input)),
      attempt: (input) => counted(input, () => activities.attempt(input)),
      async runBatch(input) {
        const outcomes = await timed(input.type, () => activities.runBatch(input));
        for (const [outcome, count] of Object.entries(outcomes)) attempts.inc({ type: input.type, outcome }, count);
        return outcomes;
      },
    }),
    start: () =>
      new Promise((resolve, reject) => {
        const { host, port } = options;
        server.once('error', (error: NodeJS.ErrnoException) =>
          reject(new ConfigError(`TEM_METRICS_PORT: nothing can listen on port ${port} of ${host} (${error.code})`)),
        );
        server.listen(port, host, () => {
          log.info({ url: `${hostUrl(host, port)}/metrics` }, 'figures are served');
          resolve();
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function gauges(registry: Registry, { slots, running, counters, pools }: WorkerMetricsOptions): void {
  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge) => void) =>
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        read(this);
      },
    });
  gauge('attempts_running', 'Attempts that run now.', [], (own) => own.set(running()));
  gauge('slots', 'Workflow runs in flight at most.', [], (own) => own.set(slots));
  gauge('relay', 'What the relay has done since the start.', ['what'], (own) => {
    for (const [what, count] of Object.entries(counters())) own.set({ what }, count);
  });
  gauge('connections', 'Connections to Postgres.', ['pool', 'state'], (own) => {
    for (const [pool, { totalCount, idleCount, waitingCount }] of Object.entries(pools)) {
      own.set({ pool, state: 'used' }, totalCount - idleCount);
      own.set({ pool, state: 'idle' }, idleCount);
      own.set({ pool, state: 'waited for' }, waitingCount);
    }
  });
}
