// The spans of an event's way: published, received by a relay, processed by each attempt, compensated. Names and attributes
// follow OpenTelemetry's conventions for messaging; error texts stay in the ledger (rule 21).

import type { Span, Tracing } from './tracing.ts';

/** What a span must know of an event. */
export interface TracedEvent {
  id: string;
  type: string;
  traceContext: string | null;
}

const SYSTEM = { 'messaging.system': 'tem' };

/** Around the acceptance of events, whose context it becomes. `id`: of a single one, where it is known already. */
export function publishing(tracing: Tracing, types: ReadonlySet<string>, count: number): Span {
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
  return ofEvent(tracing, event, 'receive', 'receive', { 'tem.late_ms': Math.round(event.lateMs) });
}

/** Around one attempt, its mark in the ledger included. */
export function processing(tracing: Tracing, event: TracedEvent & { attempt: number }): Span {
  return ofEvent(tracing, event, 'process', 'process', { 'tem.attempt': event.attempt });
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
  return ofEvent(tracing, event, 'compensate', 'process', {});
}

function ofEvent(
  tracing: Tracing,
  { id, type, traceContext }: TracedEvent,
  operation: string,
  operationType: string,
  further: Record<string, number>,
): Span {
  return tracing.span({
    name: `${operation} ${type}`,
    kind: operation === 'receive' ? 'client' : 'consumer',
    ...(traceContext === null ? { rootOf: id } : { parent: traceContext }),
    attributes: {
      ...SYSTEM,
      'messaging.operation.name': operation,
      'messaging.operation.type': operationType,
      'messaging.destination.name': type,
      'messaging.message.id': id,
      ...further,
    },
  });
}
