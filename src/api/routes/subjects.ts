// Erasing what is kept of a person.

import { Type } from 'typebox';
import { writeAudit } from '../../core/audit.ts';
import {
  createErasure,
  type Eraser,
  getErasure,
  SUBJECT_BYTES_MAX,
  stepErasure,
  subjectDigest,
} from '../../core/erasure/erasure.ts';
import { notFound, Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { inTransaction } from '../../core/ledger/in-transaction.ts';
import type { Api, ApiCore } from '../api.ts';
import { actorOf } from '../auth.ts';
import { IdParams, NoQuery } from '../schemas.ts';

/** What a call may do itself; a worker does the rest. */
const WITHIN_MS = 2_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const ErasureAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  state: Type.String({ enum: ['running', 'done'] }),
  events: Type.Integer({ description: 'Emptied: what is left is id, type, state and times.' }),
  cancelled: Type.Integer({ description: 'Of them had not ended.' }),
  features: Type.Record(Type.String(), Type.Integer(), { description: 'Rows of features, by their names.' }),
  createdBy: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
  endedAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});
const tags = ['subjects'];

export function subjectRoutes(app: Api, core: ApiCore, erasers: readonly Eraser[]): void {
  app.delete(
    '/v1/subjects/:subject',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'eraseSubject',
        tags,
        summary: 'Erase what is kept of a person',
        description:
          'Events of types that declare where they name a person, and inboxes and subscriptions. Those that have not ended are cancelled first. 200 when it is done; 202 while attempts have to end or much is left, which a worker does: see /v1/erasures/{id}.',
        params: Type.Object({ subject: Type.String() }),
        querystring: NoQuery,
        response: { 200: ErasureAnswer, 202: ErasureAnswer, ...problems(400, 403) },
      },
    },
    async (request, reply) => {
      refuseBody(request.body);
      const { subject } = request.params;
      const bytes = Buffer.byteLength(subject);
      if (bytes === 0 || bytes > SUBJECT_BYTES_MAX || subject.includes('\0'))
        throw new Problem(400, 'invalid_field', `must have 1 to ${SUBJECT_BYTES_MAX} bytes`, { path: '/subject' });
      const actor = actorOf(request);
      const { id } = await inTransaction(core.pool, async (client) => {
        const made = await createErasure(client, subject, actor);
        const after = { subject: subjectDigest(subject) };
        await writeAudit(client, { actor, action: 'subject.erase', target: made.id, after });
        return made;
      });
      const until = performance.now() + WITHIN_MS;
      for (let step: string | undefined = 'more'; step === 'more' && performance.now() < until; )
        step = await stepErasure(core.pool, id, erasers);
      const erasure = await getErasure(core.pool, id);
      if (!erasure) throw notFound('the erasure');
      return reply.code(erasure.state === 'done' ? 200 : 202).send(erasure);
    },
  );
  app.get(
    '/v1/erasures/:id',
    {
      schema: {
        operationId: 'getErasure',
        tags,
        summary: 'How far an erasure is',
        params: IdParams,
        querystring: NoQuery,
        response: { 200: ErasureAnswer, ...problems(404) },
      },
    },
    async ({ params }) => {
      const erasure = UUID.test(params.id) ? await getErasure(core.pool, params.id) : undefined;
      if (!erasure) throw notFound('the erasure');
      return erasure;
    },
  );
}
