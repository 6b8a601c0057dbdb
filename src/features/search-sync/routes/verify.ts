// Comparison over HTTP. A large table takes longer than an answer may: each call goes on for a while and says where the next
// one continues, so that nothing is kept on the server between two calls.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { problem, problems } from '../../../core/http/problem.ts';
import { VerifyAnswer, VerifyInput } from '../messages.ts';
import { compareMapping, type Part } from '../verify/mapping.ts';
import { findMapping, requireOn, type SearchRoutes, translated } from './surface.ts';

const NoQuery = Type.Object({}, { additionalProperties: false });
const tags = ['search sync'];
const COUNT = Type.Integer({ minimum: 0 });
const PartSchema = Type.Object({
  indexId: Type.String({ pattern: '^[0-9]{1,18}$' }),
  position: Type.Union([
    Type.Object({
      phase: Type.Literal('records'),
      after: Type.Union([Type.Array(Type.String(), { maxItems: 100 }), Type.Null()]),
    }),
    Type.Object({ phase: Type.Literal('documents'), after: Type.Union([COUNT, Type.Null()]) }),
  ]),
  counts: Type.Object({ checked: COUNT, missing: COUNT, stale: COUNT, extra: COUNT, repaired: COUNT }),
});

export function verifyRoutes(app: FastifyInstance, search: SearchRoutes): void {
  const { pool } = search;
  app.post<{ Body: Static<typeof VerifyInput> }>(
    '/v1/search-sync/verify',
    {
      schema: {
        operationId: 'verifySearchTable',
        tags,
        summary: 'Compares a table with its indices, both ways; repairs what differs if told to',
        querystring: NoQuery,
        body: VerifyInput,
        response: { 200: VerifyAnswer, ...problems(400, 404, 409) },
      },
    },
    async (request, reply) => {
      requireOn(search);
      const mapping = await findMapping(search, request.body.table);
      const { repair = false, withinSeconds = 60, cursor } = request.body;
      const part = cursor === undefined ? undefined : readPart(cursor);
      if (repair && !part) await search.note(request, 'repair', { table: mapping.queueName });
      let isAlone = false;
      reply.raw.once('close', () => {
        isAlone = true;
      });
      const endAt = performance.now() + withinSeconds * 1_000;
      const { next, ...found } = await translated(() =>
        compareMapping({ pool, targets: search.states }, mapping, {
          repair,
          part,
          isOver: () => performance.now() >= endAt || isAlone,
        }),
      );
      return { ...found, nextCursor: next ? Buffer.from(JSON.stringify(next)).toString('base64url') : null };
    },
  );
}

/** What an answer gave as `nextCursor`. */
function readPart(cursor: string): Part {
  try {
    const part: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Value.Check(PartSchema, part)) return part;
  } catch {
    // Not one of ours either.
  }
  throw problem(400, 'invalid_field', 'this is no cursor of an answer: leave it out to begin anew', {
    path: '/cursor',
  });
}
