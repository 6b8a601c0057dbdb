// What spans cost the process when their collector doesn't take them: a queue of a bounded length.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pino from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startTracing } from '../../src/core/tracing/index.ts';
import { startCollector } from './collector.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const QUEUE_MAX = 100;
const SPANS = 50_000;
/** Of a span with its attributes; the queue and what is under way are a few hundred. */
const HELD_BYTES_MAX = 5 * 1024 * 1024;

test('the queue is bounded, what does not fit is dropped, and the end does not wait for long', async () => {
  const collector = await startCollector({ hangs: true });
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  vi.stubEnv('OTEL_BSP_MAX_QUEUE_SIZE', String(QUEUE_MAX));
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '10');
  onTestFinished(() => void vi.unstubAllEnvs());
  const log = pino({ level: 'silent' });
  const tracing = await startTracing({ protocol: 'http/protobuf' }, { service: 'test', instance: 'a' }, log);
  const make = (count: number): void => {
    for (let n = 0; n < count; n += 1)
      tracing.span({ name: 'work', kind: 'internal', attributes: { text: 'x'.repeat(1_000) } }).end();
  };
  make(QUEUE_MAX * 2);
  await vi.waitFor(() => expect(collector.headers).toHaveLength(1));
  collectGarbage();
  const beforeBytes = process.memoryUsage().heapUsed;
  make(SPANS);
  collectGarbage();
  expect(process.memoryUsage().heapUsed - beforeBytes).toBeLessThan(HELD_BYTES_MAX);
  const beganMs = performance.now();
  await tracing.stop();
  expect(performance.now() - beganMs).toBeLessThan(4_000);
  // The first export and those of the end: nothing of what was dropped.
  expect(collector.headers.length).toBeLessThanOrEqual(3);
  expect(collector.headers[0]).toMatchObject({ 'content-type': 'application/x-protobuf', path: '/v1/traces' });
});
