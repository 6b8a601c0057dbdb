// Postgres can't take a NUL in any text, so no name has one and nothing can be found by one: said here, once for all routes
// whose schemas say nothing of it.

import type { FastifyInstance } from 'fastify';
import { notFound, problem } from '../core/http/problem.ts';
import { pointer } from '../core/json/flaws.ts';

const holdsNul = (value: unknown): boolean =>
  [value].flat().some((each) => typeof each === 'string' && each.includes('\0'));

export function refuseNulInAddresses(app: FastifyInstance): void {
  app.addHook('preHandler', (request, _reply, done) => {
    // Nearly every request ends here.
    if (!request.url.includes('%00')) return done();
    if (Object.values(request.params as object).some(holdsNul)) return done(notFound('what this address names'));
    const found = Object.entries(request.query as object).find(([name, value]) => holdsNul(name) || holdsNul(value));
    if (!found) return done();
    const path = pointer([found[0]]);
    done(problem(400, 'invalid_query', 'must not hold a NUL character (%00)', { path }));
  });
}
