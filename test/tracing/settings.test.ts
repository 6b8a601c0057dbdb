// Which of OpenTelemetry's settings ask for traces, and which TEM can't obey.

import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';

const tracing = (environment: Record<string, string>) => readConfig(environment).tracing;
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };

test('traces are sent where an endpoint or the exporter is named, and nowhere else', () => {
  expect(tracing({})).toBeUndefined();
  expect(tracing({ OTEL_SERVICE_NAME: 'shop', OTEL_TRACES_SAMPLER: 'always_on' })).toBeUndefined();
  const sent = { protocol: 'http/protobuf' };
  expect(tracing(ENDPOINT)).toEqual(sent);
  expect(tracing({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector/v1/traces' })).toEqual(sent);
  expect(tracing({ OTEL_TRACES_EXPORTER: 'otlp' })).toEqual(sent);
  expect(tracing({ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' })).toBeUndefined();
  expect(tracing({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' })).toBeUndefined();
});

test('the protocol of traces counts before the general one', () => {
  const general = { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  expect(tracing({ ...general, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' })).toEqual({ protocol: 'http/json' });
});

test.each([
  [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /^OTEL_EXPORTER_OTLP_PROTOCOL: TEM sends http\/protobuf or/],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }, /^OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL/],
  [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'zipkin' }, /^OTEL_TRACES_EXPORTER: TEM has otlp and none/],
])('what TEM cannot do is said at the start: %j', (environment, words) => {
  expect(() => readConfig(environment)).toThrow(ConfigError);
  expect(() => readConfig(environment)).toThrow(words);
});

test('what is switched off is not judged', () => {
  expect(tracing({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_SDK_DISABLED: 'true' })).toBeUndefined();
});
