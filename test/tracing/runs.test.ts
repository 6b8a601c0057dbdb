// Runs that are not one event's first attempt: sets that are handled together, and attempts that a workflow makes.

import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { Type } from 'typebox';
import { expect, onTestFinished, test, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { defineEventType } from '../../src/core/event-type.ts';
import type { AnyFeature } from '../../src/core/feature.ts';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { features } from '../../src/features.ts';
import { startWorker } from '../../src/workers/process.ts';
import { createDatabase } from '../support/database.ts';
import { testEnvironment } from '../support/environment.ts';
import { example } from '../support/example-feature/index.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { startCollector } from './collector.ts';

const EVENTS = 300;

const sets: AnyFeature = {
  name: 'sets',
  eventTypes: () => [
    defineEventType({
      name: 'set',
      payload: Type.Object({}),
      batch: 50,
      handle: () => {},
      handleAll: async () => {},
    }),
  ],
};
const FEATURES = [...features, example, sets];

async function setup() {
  const [collector, database, temporal] = await Promise.all([startCollector(), createDatabase(), createNamespace()]);
  const otel = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  };
  // OpenTelemetry's own packages read the process's.
  for (const [name, value] of Object.entries(otel)) vi.stubEnv(name, value);
  await database.pool.query('create table heard (what text)');
  const config = readConfig(testEnvironment(database, temporal, otel), FEATURES);
  const workflowsPath = new URL('../support/example-feature/catalog.ts', import.meta.url).pathname;
  const worker = await startWorker(config, pino({ level: 'silent' }), { features: FEATURES, workflowsPath });
  onTestFinished(async () => {
    await worker.stop();
    vi.unstubAllEnvs();
  });
  return { pool: database.pool, spans: collector.spans };
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const context = (): string => `00-${hex(16)}-${hex(8)}-01`;

test('a set is linked to the traces of its events, and what a workflow does is part of its event', async () => {
  const { pool, spans } = await setup();
  const events = Array.from({ length: EVENTS }, () => ({
    type: 'set',
    payload: {},
    source: 'test',
    traceContext: context(),
  }));
  await acceptEvents(pool, events);
  const traces = events.map(({ traceContext }) => traceContext.split('-')[1] as string);
  const processed = () => spans.filter(({ name }) => name === 'process set');
  // Each event either belongs to a set that names its trace, or has a span there of its own.
  const seen = await waitFor(() => {
    const all = processed().flatMap((span) => (span.linkedTraces.length > 0 ? span.linkedTraces : [span.traceId]));
    return all.length >= EVENTS && all;
  });
  expect(seen.toSorted()).toEqual(traces.toSorted());
  expect(processed().some(({ linkedTraces }) => linkedTraces.length > 1)).toBe(true);

  const greeting = context();
  const [, trace, parent] = greeting.split('-');
  const payload = { name: 'ada', does: 'fail once' };
  await acceptEvents(pool, [{ type: 'example.greeting', payload, source: 'test', traceContext: greeting }]);
  const ofGreeting = await waitFor(() => {
    const found = spans.filter((span) => span.traceId === trace);
    return found.filter(({ name }) => name === 'process example.greeting').length === 2 && found;
  });
  const attempts = ofGreeting.filter(({ name }) => name === 'process example.greeting');
  expect(attempts.map(({ parentSpanId, failed }) => [parentSpanId, failed])).toEqual([
    [parent, true],
    [parent, false],
  ]);
  const activities = ofGreeting.filter(({ name }) => name === 'example.greet');
  expect(activities.map(({ parentSpanId }) => parentSpanId)).toEqual([parent, parent]);
}, 120_000);
