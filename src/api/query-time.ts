// Reads of the console's sessions say in `server-timing` how long the database took for them; the console adds it up. Nobody
// else's are counted: once Node keeps track of who waits, each promise of the process costs more.

import { countQueryTime, type QueryTime } from '../core/ledger/query-time.ts';
import type { Api } from './api.ts';
import { sessionToken } from './session-cookie.ts';

declare module 'fastify' {
  interface FastifyRequest {
    queryTime: QueryTime | undefined;
  }
}

export function tellQueryTime(app: Api): void {
  app.decorateRequest('queryTime', undefined);
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.method !== 'GET' || sessionToken(request) === undefined) return done();
    request.queryTime = { ms: 0, statements: 0 };
    countQueryTime(request.queryTime, done);
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { queryTime } = request;
    if (queryTime && queryTime.statements > 0) void reply.header('server-timing', `db;dur=${queryTime.ms.toFixed(1)}`);
    done();
  });
}
