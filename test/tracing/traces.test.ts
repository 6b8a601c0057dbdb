// Traces through real processes: a collector, an API, a worker, and a receiver of webhooks that says what it was told.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { atEnd } from '../support/at-end.ts';
import { createDatabase } from '../support/database.ts';
import { ADMIN_KEY, testEnvironment } from '../support/environment.ts';
import { startTem } from '../support/processes.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { type CollectedSpan, startCollector } from './collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SQL_TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;
const TRACED_TYPE = fileURLToPath(new URL('traced-type.ts', import.meta.url));
const REFUSE = fileURLToPath(new URL('refuse-open-telemetry.mjs', import.meta.url));
const SETTINGS = { TEM_OUTBOUND_ALLOW: '127.0.0.1', TEM_EVENT_TYPES: TRACED_TYPE };

async function setup(settings: Record<string, string>) {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const environment = testEnvironment(database, temporal, { ...SETTINGS, ...settings });
  const processes = [startTem(['api'], environment), startTem(['worker'], environment)];
  atEnd(async () => {
    await Promise.all(processes.map((each) => each.stop()));
  });
  const [api] = await Promise.all(processes.map((each) => each.ready()));
  const call = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${api?.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as { id: string; state: string; traceId?: string };
  };
  const processed = (id: string) =>
    waitFor(async () => {
      const event = await call(`/v1/events/${id}`);
      return event.state === 'PROCESSED' && event;
    });
  return { pool: database.pool, processes, call, processed };
}

/** What the collector is asked for: quickly, so that no test waits for it, and in a form that it reads. */
function tracesTo(collector: { url: string }): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=tem',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  };
}

/** A receiver of webhooks that keeps the contexts that it was sent. */
async function startReceiver(answer: (response: ServerResponse, calls: number) => void) {
  const contexts: { traceparent: unknown; tracestate: unknown }[] = [];
  const server = createServer(({ headers }, response) => {
    const { traceparent, tracestate } = headers;
    answer(response, contexts.push({ traceparent, tracestate }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { contexts, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

const takes = (response: ServerResponse): void => void response.writeHead(204).end();

function found(spans: CollectedSpan[], name: string, count = 1): Promise<CollectedSpan[]> {
  return waitFor(() => {
    const some = spans.filter((span) => span.name === name);
    return some.length >= count && some;
  });
}

let collector: Awaited<ReturnType<typeof startCollector>>;
let traced: Awaited<ReturnType<typeof setup>>;

beforeAll(async () => {
  collector = await startCollector();
  traced = await setup(tracesTo(collector));
});

test('a POST, its relay, both attempts and their requests are one trace', async () => {
  const { call, processed } = traced;
  const receiver = await startReceiver((response, calls) => {
    if (calls > 1) takes(response);
    else response.writeHead(503, { 'retry-after': '1' }).end();
  });
  const headers = { traceparent: TRACEPARENT, tracestate: 'vendor=a' };
  const { id, traceId } = await call(
    '/v1/events',
    { type: 'webhook', payload: { url: receiver.url, body: {} } },
    headers,
  );
  expect(traceId).toBe(TRACE);
  expect(await processed(id)).toMatchObject({ traceId: TRACE });

  const { spans } = collector;
  const [server] = await found(spans, 'POST /v1/events');
  expect(server).toMatchObject({ service: 'tem-api', kind: 2, parentSpanId: PARENT });
  expect(server?.attributes).toMatchObject({ 'http.route': '/v1/events', 'http.response.status_code': 202 });
  const [publish] = await found(spans, 'publish webhook');
  expect(publish).toMatchObject({ service: 'tem-api', kind: 4, parentSpanId: server?.spanId });
  expect(publish?.attributes).toMatchObject({ 'messaging.message.id': id, 'messaging.destination.name': 'webhook' });
  const [receive] = await found(spans, 'receive webhook');
  expect(receive).toMatchObject({ service: 'tem-worker', parentSpanId: publish?.spanId });
  const attempts = await found(spans, 'process webhook', 2);
  expect(attempts.map(({ kind, parentSpanId, failed }) => ({ kind, parentSpanId, failed }))).toEqual([
    { kind: 5, parentSpanId: publish?.spanId, failed: true },
    { kind: 5, parentSpanId: publish?.spanId, failed: false },
  ]);
  expect(attempts.map(({ attributes }) => [attributes['tem.event.attempt'], attributes['tem.event.outcome']])).toEqual([
    [1, 'retry'],
    [2, 'processed'],
  ]);
  const requests = await found(spans, 'POST', 2);
  expect(requests.map(({ kind, parentSpanId }) => [kind, parentSpanId])).toEqual(
    attempts.map(({ spanId }) => [3, spanId]),
  );
  expect(requests.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([503, 204]);
  // What the receiver was told are these very requests.
  expect(receiver.contexts).toEqual(
    requests.map(({ spanId }) => ({ traceparent: `00-${TRACE}-${spanId}-01`, tracestate: 'vendor=a' })),
  );
  // Also the reads that waited for the event are spans, of traces of their own.
  const own = spans.filter(({ name }) => name !== 'GET /v1/events/:id');
  expect(new Set(own.map((span) => span.traceId))).toEqual(new Set([TRACE]));
  expect(collector.headers[0]).toMatchObject({ 'x-tenant': 'tem', path: '/v1/traces' });
});

test('SQL, a span of the handler itself, what it emits and the request of that are one trace', async () => {
  const { pool, call, processed } = traced;
  const receiver = await startReceiver(takes);
  const client = await pool.connect();
  await client.query('begin');
  await client.query(`select set_config('tem.traceparent', $1, true)`, [`00-${SQL_TRACE}-${PARENT}-01`]);
  const { rows } = await client.query(`select tem.enqueue('traced', $1) as id`, [{ url: receiver.url }]);
  await client.query('commit');
  // Said of one transaction, it is not said of the next.
  const without = await client.query(`select tem.enqueue('traced', $1) as id`, [{ url: receiver.url }]);
  client.release();
  expect(await processed(rows[0].id)).toMatchObject({ traceId: SQL_TRACE });
  const { spans } = collector;
  const ofTrace = (name: string, trace = SQL_TRACE) =>
    waitFor(() => spans.find((span) => span.name === name && span.traceId === trace));
  const process = await ofTrace('process traced');
  expect(process.parentSpanId).toBe(PARENT);
  const own = await ofTrace('own work');
  expect(own.parentSpanId).toBe(process.spanId);
  const publish = await ofTrace('publish webhook');
  expect(publish.parentSpanId).toBe(own.spanId);
  const emitted = await ofTrace('process webhook');
  expect(emitted.parentSpanId).toBe(publish.spanId);
  const request = await ofTrace('POST');
  expect(request.parentSpanId).toBe(emitted.spanId);
  expect(receiver.contexts.map(({ traceparent }) => traceparent)).toContain(`00-${SQL_TRACE}-${request.spanId}-01`);

  // An event that brought no context has its id for that, and all of its spans meet there.
  const bare = without.rows[0].id as string;
  const traceOf = bare.replaceAll('-', '');
  expect((await ofTrace('receive traced', traceOf)).parentSpanId).toBeUndefined();
  expect((await ofTrace('own work', traceOf)).parentSpanId).toBe((await ofTrace('process traced', traceOf)).spanId);
  expect((await call(`/v1/events/${bare}`)).traceId).toBeUndefined();
});

test('without settings no package is loaded, and a context is handed on as it came', async () => {
  const { call, processed } = await setup({ NODE_OPTIONS: `--import ${REFUSE}`, TEM_EVENT_TYPES: '' });
  const receiver = await startReceiver(takes);
  const event = { type: 'webhook', payload: { url: receiver.url, body: {} } };
  await processed((await call('/v1/events', event, { traceparent: TRACEPARENT, tracestate: 'vendor=a' })).id);
  await processed((await call('/v1/events', event)).id);
  await processed((await call('/v1/events', event, { traceparent: 'nonsense' })).id);
  expect(receiver.contexts).toEqual([
    { traceparent: TRACEPARENT, tracestate: 'vendor=a' },
    { traceparent: undefined, tracestate: undefined },
    { traceparent: undefined, tracestate: undefined },
  ]);
});

test('with settings it is loaded, or the test above would say nothing', async () => {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const settings = { NODE_OPTIONS: `--import ${REFUSE}`, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  const api = startTem(['api'], testEnvironment(database, temporal, settings));
  await expect(api.ready()).rejects.toThrow('OpenTelemetry is loaded');
});

test('a collector that hangs holds up neither events nor the end of the processes', async () => {
  const hanging = await startCollector({ hangs: true });
  const { call, processed, processes } = await setup(tracesTo(hanging));
  const receiver = await startReceiver(takes);
  const event = { type: 'webhook', payload: { url: receiver.url, body: {} } };
  for (let n = 0; n < 10; n += 1) await processed((await call('/v1/events', event)).id);
  await waitFor(() => hanging.headers.length >= 2);
  const beganMs = performance.now();
  expect(await Promise.all(processes.map((each) => each.stop()))).toEqual([
    { code: 0, signal: null },
    { code: 0, signal: null },
  ]);
  expect(performance.now() - beganMs).toBeLessThan(15_000);
});
