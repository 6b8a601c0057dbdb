// Whether traces are sent, by the names that OpenTelemetry gives. Endpoint, headers, timeouts, sampling and queues are read by
// its own packages, as everybody's are; here is only what decides whether they are loaded, and what TEM can't do.

import { httpUrl, type SettingsReader } from '../../settings.ts';

export interface TracingSettings {
  /** OpenTelemetry's name of how spans are sent. */
  protocol: 'http/protobuf' | 'http/json';
}

const PROTOCOL_DEFAULT = 'http/protobuf';

/** Undefined: no traces. They are asked for by an endpoint, or by naming the exporter. */
export function readTracingSettings({ text, parsed, problems }: SettingsReader): TracingSettings | undefined {
  // Asked for both by the general name and by that of traces, which counts where both are set.
  const either = (name: string): string =>
    text(`OTEL_EXPORTER_OTLP_TRACES_${name}`) === undefined ? name : `TRACES_${name}`;
  const endpoint = parsed(`OTEL_EXPORTER_OTLP_${either('ENDPOINT')}`, undefined, httpUrl);
  const exporter = text('OTEL_TRACES_EXPORTER');
  if (text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || exporter === 'none') return undefined;
  if (exporter !== undefined && exporter !== 'otlp') {
    problems.push(`OTEL_TRACES_EXPORTER: TEM has otlp and none, not '${exporter}'`);
    return undefined;
  }
  if (endpoint === undefined && exporter === undefined) return undefined;
  return { protocol: parsed(`OTEL_EXPORTER_OTLP_${either('PROTOCOL')}`, PROTOCOL_DEFAULT, protocolOf) };
}

function protocolOf(text: string): TracingSettings['protocol'] {
  if (text !== 'http/protobuf' && text !== 'http/json')
    throw new RangeError(`TEM sends http/protobuf or http/json, not '${text}'; collectors take them at port 4318`);
  return text;
}
