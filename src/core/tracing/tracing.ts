// What TEM tells a tracing system, and what it costs when there is none: nothing but handing on the context that an event
// came with. OpenTelemetry is behind this interface (open-telemetry.ts), loaded only where it is asked for.

import { AsyncLocalStorage } from 'node:async_hooks';

/** By OpenTelemetry's semantic conventions. */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';
export type Attributes = Record<string, string | number | boolean>;

export interface SpanRequest {
  name: string;
  kind: SpanKind;
  /** The context that it continues, as an event keeps it; absent: what runs just now. */
  parent?: string | undefined;
  /** An event that brought no context: its own id is the trace's, so that all its spans meet. Instead of `parent`. */
  rootOf?: string | undefined;
  /** When it began, Unix milliseconds; absent: now. */
  sinceMs?: number | undefined;
  /** Contexts of other traces that it belongs to as well. */
  links?: readonly string[];
  attributes: Attributes;
}

export interface Span {
  /** For what it causes elsewhere, as an event keeps it; undefined: there is no trace. */
  readonly context: string | undefined;
  /** What runs inside of it, also later, belongs to it. */
  run<Result>(work: () => Result): Result;
  /** `errorType`: it failed; a word for which way. */
  end(attributes?: Attributes, errorType?: string): void;
}

export interface Tracing {
  span(request: SpanRequest): Span;
  /** Sends what is left, for a bounded time. */
  stop(): Promise<void>;
}

/** Runs work in a span, which ends with it; `told` says what came of it. */
export async function inSpan<Result>(
  span: Span,
  work: () => Promise<Result>,
  told: (result: Result) => { attributes?: Attributes; errorType?: string | undefined } = () => ({}),
): Promise<Result> {
  if (span === NO_TRACE) return work();
  try {
    const result = await span.run(work);
    const { attributes, errorType } = told(result);
    span.end(attributes, errorType);
    return result;
  } catch (error) {
    span.end({}, error instanceof Error ? error.name : 'unknown');
    throw error;
  }
}

const current = new AsyncLocalStorage<string | undefined>();

/** What runs in `work`, also later, belongs to this context. */
export function withContext<Result>(context: string | undefined, work: () => Result): Result {
  return current.run(context, work);
}

/** The context of what runs just now, for events that are written without an accepter; undefined: there is no trace. */
export function currentContext(): string | undefined {
  return current.getStore();
}

const NO_TRACE: Span = { context: undefined, run: (work) => work(), end: () => {} };

/** No span, but what carries a context on; without `parent`, that of what runs just now. */
export function handingOn(parent: string | undefined): Span {
  if (parent !== undefined) return { context: parent, run: (work) => withContext(parent, work), end: () => {} };
  const context = currentContext();
  return context === undefined ? NO_TRACE : { context, run: (work) => work(), end: () => {} };
}

/** No span is made; what an event causes carries the context that the event came with. */
export const untraced: Tracing = {
  span: ({ parent }) => handingOn(parent),
  stop: async () => {},
};
