// A type whose handler makes a span of its own with OpenTelemetry's API, as instrumented code does, and emits a webhook in it.

import { trace } from '@opentelemetry/api';
import { defineEventType, Type } from 'tem';

export const traced = defineEventType({
  name: 'traced',
  payload: Type.Object({ url: Type.String() }),
  handle({ payload }, { emit }) {
    return trace.getTracer('own').startActiveSpan('own work', async (span) => {
      await emit('webhook', { url: payload.url, body: {} });
      span.end();
    });
  },
});
