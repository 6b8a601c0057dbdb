// Traces of events and of what they cause: off, and then free, unless the settings ask for them.

import type { Logger } from 'pino';
import type { TracedProcess } from './open-telemetry.ts';
import type { TracingSettings } from './settings.ts';
import { type Tracing, untraced } from './tracing.ts';

export { readTraceContext, traceHeaders, traceIdOf } from './trace-context.ts';
export { currentContext, inSpan, type Span, type Tracing, untraced } from './tracing.ts';

/** Loads OpenTelemetry where it is asked for. */
export async function startTracing(
  settings: TracingSettings | undefined,
  about: TracedProcess,
  log: Logger,
): Promise<Tracing> {
  if (settings === undefined) return untraced;
  const { startOpenTelemetry } = await import('./open-telemetry.ts');
  return startOpenTelemetry(settings, about, log);
}
