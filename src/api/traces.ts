// Requests as parts of traces: each continues the one that its caller names, and what it does belongs to it.

import type { FastifyInstance } from 'fastify';
import { readTraceContext, type Span, type Tracing } from '../core/tracing/index.ts';

declare module 'fastify' {
  interface FastifyRequest {
    span: Span | undefined;
  }
}

/** Probes and pages of the console, which come every few seconds, are no work. */
const TRACED_PATHS = '/v1/';
const SERVER_ERROR = 500;

/** To be called after the check of who calls: whoever may not call begins no span. */
export function traceRequests(app: FastifyInstance, tracing: Tracing): void {
  app.decorateRequest('span', undefined);
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, protocol } = request;
    const route = request.routeOptions.url;
    if (route?.startsWith(TRACED_PATHS)) {
      request.span = tracing.span({
        name: `${method} ${route}`,
        kind: 'server',
        parent: readTraceContext(headers.traceparent, headers.tracestate),
        // Without the query, which may hold what is searched for.
        attributes: {
          'http.request.method': method,
          'http.route': route,
          'url.scheme': protocol,
          'url.path': request.url.split('?', 1)[0] ?? '',
        },
      });
    }
    done();
  });
  // After the body has come: its events belong to the connection, and would lead out of the span again.
  app.addHook('preHandler', (request, _reply, done) => (request.span ? request.span.run(done) : done()));
  app.addHook('onResponse', (request, reply, done) => {
    const { statusCode } = reply;
    const errorType = statusCode < SERVER_ERROR ? undefined : String(statusCode);
    request.span?.end({ 'http.response.status_code': statusCode }, errorType);
    done();
  });
}
