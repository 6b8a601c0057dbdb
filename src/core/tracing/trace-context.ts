// W3C Trace Context as an event keeps it: its `traceparent`, and after a space its `tracestate` where there is one. What is
// not well formed is no context: an event is never refused for its trace. Pure functions.

/** Version 00, or what a later version must still begin with. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?=-|$)/;
const VERSION_00_LENGTH = 55;
const TRACESTATE_LENGTH_MAX = 512;
/** What may be in a header. */
const TRACESTATE = /^[\x20-\x7e]+$/;

/** From the two headers as they came. */
export function readTraceContext(traceparent: unknown, tracestate?: unknown): string | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const found = TRACEPARENT.exec(traceparent);
  if (!found || (traceparent.startsWith('00') && traceparent.length !== VERSION_00_LENGTH)) return undefined;
  const [, traceId, spanId, flags] = found;
  const parent = `00-${traceId}-${spanId}-${flags}`;
  const state = Array.isArray(tracestate) ? tracestate.join(',') : tracestate;
  // Too long is left out whole: a half of it would be another vendor's.
  if (typeof state !== 'string' || state.length > TRACESTATE_LENGTH_MAX || !TRACESTATE.test(state)) return parent;
  return `${parent} ${state}`;
}

/** The headers that hand a kept context on; none when what is kept is no context. */
export function traceHeaders(kept: string | null | undefined): { traceparent?: string; tracestate?: string } {
  const [traceparent = '', ...state] = (kept ?? '').split(' ');
  const context = readTraceContext(traceparent, state.join(' ') || undefined);
  if (context === undefined) return {};
  const tracestate = context.slice(VERSION_00_LENGTH + 1);
  return { traceparent: context.slice(0, VERSION_00_LENGTH), ...(tracestate !== '' && { tracestate }) };
}

/** 32 hexadecimal digits, by which a tracing system finds the trace. */
export function traceIdOf(kept: string | null | undefined): string | undefined {
  return traceHeaders(kept).traceparent?.split('-')[1];
}
