// Traces by OpenTelemetry's SDK, loaded only where they are asked for. It is registered for the whole process, so that what a
// handler's own code does with OpenTelemetry's API joins the attempt's span. A collector that hangs holds nothing up: spans
// wait in a queue of bounded length, and those that don't fit are dropped.

import { hostname } from 'node:os';
import {
  context,
  DiagLogLevel,
  diag,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { setGlobalErrorHandler, suppressTracing, W3CTraceContextPropagator } from '@opentelemetry/core';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  RandomIdGenerator,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';
import { within } from '../within.ts';
import type { TracingSettings } from './settings.ts';
import { readTraceContext, traceHeaders } from './trace-context.ts';
import { type Span, type SpanRequest, type SpanKind as TemSpanKind, type Tracing, withContext } from './tracing.ts';

export interface TracedProcess {
  /** `tem-api` or `tem-worker`, unless OTEL_SERVICE_NAME says another. */
  service: string;
  /** Of this one process. */
  instance: string;
}

/** For what is left at the end; what the collector hasn't taken by then is lost. */
const STOP_WITHIN_MS = 3_000;
const WARN_EVERY_MS = 60_000;

const KINDS: Record<TemSpanKind, SpanKind> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};
const propagator = new W3CTraceContextPropagator();

export async function startOpenTelemetry(
  settings: TracingSettings,
  { service, instance }: TracedProcess,
  log: Logger,
): Promise<Tracing> {
  tellOf(log);
  const ids = idsOfEvents();
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': service,
          'service.instance.id': instance,
          'host.name': hostname(),
          'process.pid': process.pid,
        }),
      )
      .merge(detectResources({ detectors: [envDetector] })),
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor(await exporterOf(settings))],
  });
  provider.register();
  const tracer = provider.getTracer('tem');

  return {
    span({ name, kind, parent, rootOf, sinceMs, links = [], attributes }: SpanRequest): Span {
      const options = {
        kind: KINDS[kind],
        attributes,
        ...(sinceMs !== undefined && { startTime: sinceMs }),
        links: links
          .flatMap((link) => trace.getSpanContext(contextOf(link)) ?? [])
          .map((linked) => ({ context: linked })),
      };
      const under = parent === undefined ? (rootOf === undefined ? context.active() : ROOT_CONTEXT) : contextOf(parent);
      const span = ids.within(rootOf, () => tracer.startSpan(name, options, under));
      return spanOf(span, kind);
    },
    async stop() {
      await within(STOP_WITHIN_MS, provider.shutdown(), () => new Error('no answer')).catch((error: Error) =>
        log.warn({ error: error.message }, 'the last traces could not be sent'),
      );
    },
  };
}

/** What only some spans are asked for is made when it is asked for: under a flood most are begun and ended. */
function spanOf(span: OtelSpan, kind: TemSpanKind): Span {
  let kept: { context: string | undefined } | undefined;
  const keptContext = (): string | undefined => {
    kept ??= { context: keptOf(span.spanContext()) };
    return kept.context;
  };
  return {
    get context() {
      return keptContext();
    },
    run(work) {
      const inside = trace.setSpan(context.active(), span);
      // Whoever instruments HTTP himself has nothing to add to a call that has its span and its headers.
      const active = kind === 'client' ? suppressTracing(inside) : inside;
      return withContext(keptContext(), () => context.with(active, work));
    },
    end(attributes, errorType) {
      if (attributes) span.setAttributes(attributes);
      if (errorType !== undefined) {
        span.setAttribute('error.type', errorType);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

/** The context of a span as an event keeps it; undefined for one that isn't valid. */
function keptOf({ traceId, spanId, traceFlags, traceState }: SpanContext): string | undefined {
  const flags = traceFlags.toString(16).padStart(2, '0');
  return readTraceContext(`00-${traceId}-${spanId}-${flags}`, traceState?.serialize());
}

/** A kept context as the SDK knows it. */
function contextOf(kept: string) {
  const headers: Record<string, string> = traceHeaders(kept);
  return propagator.extract(ROOT_CONTEXT, headers, {
    get: (carrier, key) => carrier[key],
    keys: (carrier) => Object.keys(carrier),
  });
}

/** Random ids, but for the traces of events that brought none: theirs have the event's id. */
function idsOfEvents() {
  const random = new RandomIdGenerator();
  let wanted: string | undefined;
  return {
    generateSpanId: () => random.generateSpanId(),
    generateTraceId: () => wanted ?? random.generateTraceId(),
    /** What begins in `start`, which is done when it returns, has the event's id as its trace's. */
    within<Result>(event: string | undefined, start: () => Result): Result {
      wanted = event?.replaceAll('-', '');
      try {
        return start();
      } finally {
        wanted = undefined;
      }
    },
  };
}

async function exporterOf({ protocol }: TracingSettings): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

/** Says at most once a minute why spans don't arrive, and how many were dropped. */
function tellOf(log: Logger): void {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  const tell = (error: string | undefined): void => {
    if (performance.now() - saidAtMs < WARN_EVERY_MS) return;
    saidAtMs = performance.now();
    log.warn({ error }, 'traces could not be sent, and are dropped');
  };
  setGlobalErrorHandler((error) => tell(typeof error === 'string' ? error : error.message));
  const silent = (): void => {};
  const logger = { error: tell, warn: tell, info: silent, debug: silent, verbose: silent };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
