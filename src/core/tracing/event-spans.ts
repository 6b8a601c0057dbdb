// The spans of an event's way: published, received by a relay, processed by each attempt, compensated. Names and attributes
// follow OpenTelemetry's conventions for messaging; error texts stay in the ledger (rule 21).

import { handingOn, type Span, type Tracing, untraced } from './tracing.ts';

/** What a span must know of an event. */
export interface TracedEvent {
  id: string;
  type: string;
  traceContext: string | null;
}

const FAILED = ['retry', 'settle', 'extinct'];
const SYSTEM = { 'messaging.system': 'tem' };

/** Around the acceptance of events, whose context it becomes. `id`: of a single one, where it is known already. */
export function publishing(tracing: Tracing, types: ReadonlySet<string>, count: number): Span {
  if (tracing === untraced) return handingOn(undefined);
  const [type = 'events'] = types;
  const destination = types.size === 1 ? type : undefined;
  return tracing.span({
    name: destination === undefined ? 'publish' : `publish ${destination}`,
    kind: 'producer',
    attributes: {
      ...SYSTEM,
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      ...(destination !== undefined && { 'messaging.destination.name': destination }),
      ...(count > 1 && { 'messaging.batch.message_count': count }),
    },
  });
}

/** From an event's claim until Temporal has its run. */
export function receiving(tracing: Tracing, event: TracedEvent & { lateMs: number }): Span {
  return ofEvent(tracing, event, 'receive', { 'tem.event.late_ms': Math.round(event.lateMs) });
}

/** Around one attempt, its mark in the ledger included. `sinceMs`: of one that began elsewhere, Unix milliseconds. */
export function processing(tracing: Tracing, event: TracedEvent & { attempt: number }, sinceMs?: number): Span {
  return ofEvent(tracing, event, 'process', { 'tem.event.attempt': event.attempt }, sinceMs);
}

/** What an attempt's span says at its end. */
export function toldOfAttempt({ outcome }: { outcome: string }) {
  return {
    attributes: { 'tem.event.outcome': outcome },
    errorType: FAILED.includes(outcome) ? 'attempt_failed' : undefined,
  };
}

/** Around an activity of a feature's workflow: a part of the attempt that the workflow makes. */
export function acting(tracing: Tracing, name: string, event: Pick<TracedEvent, 'id' | 'traceContext'>): Span {
  return tracing.span({ name, kind: 'internal', ...startOf(event), attributes: { 'messaging.message.id': event.id } });
}

/** Around a set that is handled in one transaction: a trace of its own that names those of its events. */
export function processingTogether(tracing: Tracing, type: string, events: readonly TracedEvent[]): Span {
  return tracing.span({
    name: `process ${type}`,
    kind: 'consumer',
    links: events.flatMap(({ traceContext }) => traceContext ?? []),
    attributes: {
      ...SYSTEM,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': type,
      'messaging.batch.message_count': events.length,
    },
  });
}

export function compensating(tracing: Tracing, event: TracedEvent): Span {
  return ofEvent(tracing, event, 'compensate', {});
}

function ofEvent(
  tracing: Tracing,
  { id, type, traceContext }: TracedEvent,
  operation: 'receive' | 'process' | 'compensate',
  further: Record<string, number>,
  sinceMs?: number,
): Span {
  // Where nobody traces, a flood doesn't pay for descriptions that nobody reads.
  if (tracing === untraced) return handingOn(traceContext ?? undefined);
  return tracing.span({
    name: `${operation} ${type}`,
    kind: operation === 'receive' ? 'client' : 'consumer',
    ...startOf({ id, traceContext }),
    sinceMs,
    attributes: {
      ...SYSTEM,
      'messaging.operation.name': operation,
      'messaging.operation.type': operation === 'receive' ? 'receive' : 'process',
      'messaging.destination.name': type,
      'messaging.message.id': id,
      ...further,
    },
  });
}

/** Where the spans of an event begin: at what it came with, or at itself. */
function startOf({ id, traceContext }: Pick<TracedEvent, 'id' | 'traceContext'>) {
  return traceContext === null ? { rootOf: id } : { parent: traceContext };
}
