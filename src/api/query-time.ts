// Reads say in `server-timing` how long the database took for them; the console adds it up.

import { countQueryTime, type QueryTime } from '../core/ledger/query-time.ts';
import type { Api } from './api.ts';

declare module 'fastify' {
  interface FastifyRequest {
    queryTime: QueryTime | undefined;
  }
}

export function tellQueryTime(app: Api): void {
  app.decorateRequest('queryTime', undefined);
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.method !== 'GET') return done();
    request.queryTime = { ms: 0, statements: 0 };
    countQueryTime(request.queryTime, done);
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { queryTime } = request;
    if (queryTime && queryTime.statements > 0) void reply.header('server-timing', `db;dur=${queryTime.ms.toFixed(1)}`);
    done();
  });
}
