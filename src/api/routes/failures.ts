// Failures by what their errors have in common, each with a note of those who look after it.

import { Type } from 'typebox';
import { rightsOf } from '../../core/access/principal.ts';
import { writeAudit } from '../../core/audit.ts';
import { Problem, problems } from '../../core/http/problem.ts';
import { listFailures, noteFailure } from '../../core/ledger/failures.ts';
import { inTransaction } from '../../core/ledger/in-transaction.ts';
import type { Api, ApiCore } from '../api.ts';
import { actorOf } from '../auth.ts';
import { time } from '../event-filter.ts';
import { NoQuery } from '../schemas.ts';

const NOTE_LENGTH_MAX = 4_000;
const closed = { additionalProperties: false } as const;
const Time = Type.String({ format: 'date-time' });
const Fingerprint = Type.String({ pattern: '^[0-9a-f]{16}$' });

const FailuresQuery = Type.Object(
  {
    type: Type.Optional(Type.String({ maxLength: 128 })),
    from: Type.Optional(Type.String({ format: 'date-time', description: 'Failed at this time or later.' })),
    to: Type.Optional(Type.String({ format: 'date-time', description: 'Failed before this time.' })),
  },
  closed,
);
const FailuresAnswer = Type.Object({
  failures: Type.Array(
    Type.Object({
      fingerprint: Type.String({
        description: 'The same for errors that differ only in ids, numbers, addresses and quoted values.',
      }),
      type: Type.String(),
      error: Type.String({ description: 'The newest of them.' }),
      pattern: Type.String({ description: 'What they have in common.' }),
      count: Type.Integer({ description: 'Events that are FAILED or EXTINCT with it now.' }),
      countIsExact: Type.Boolean({ description: 'false: so many at least.' }),
      firstAt: Time,
      lastAt: Time,
      note: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
  complete: Type.Boolean({ description: 'false: there are more groups than are looked at.' }),
  nextCursor: Type.Union([Type.String(), Type.Null()], { description: 'Always null.' }),
});
const Note = Type.Object(
  { note: Type.String({ maxLength: NOTE_LENGTH_MAX, description: 'Empty: takes it away.' }) },
  closed,
);

export function failureRoutes(app: Api, core: ApiCore): void {
  app.get(
    '/v1/failures',
    {
      config: { scoped: true, costly: () => true },
      schema: {
        operationId: 'listFailures',
        tags: ['failures'],
        summary: 'FAILED and EXTINCT events in groups of like errors, the largest first',
        querystring: FailuresQuery,
        response: { 200: FailuresAnswer, ...problems(400, 403) },
      },
    },
    async (request) => {
      const { query } = request;
      const rights = rightsOf(request);
      if (rights?.scopes?.groups)
        throw new Problem(
          403,
          'forbidden',
          'this key is for some groups only, and failures are not told apart by them',
        );
      const { groups, complete } = await listFailures(core.pool, {
        ...(query.type !== undefined && { type: query.type }),
        ...(query.from !== undefined && { from: time('/from', query.from) }),
        ...(query.to !== undefined && { to: time('/to', query.to) }),
      });
      const inReach = groups.filter(({ type }) => rights?.scopes?.types?.includes(type) ?? true);
      const failures = inReach.map((group) => ({
        ...group,
        // An error may quote what the payload says.
        ...(!rights?.mayReadPayloads && { error: '', pattern: '' }),
        firstAt: group.firstAt.toISOString(),
        lastAt: group.lastAt.toISOString(),
      }));
      return { failures, complete, nextCursor: null };
    },
  );

  app.put(
    '/v1/failures/:fingerprint',
    {
      schema: {
        operationId: 'noteFailure',
        tags: ['failures'],
        summary: 'Keep a note for a group of failures',
        params: Type.Object({ fingerprint: Type.String() }),
        querystring: NoQuery,
        body: Note,
        response: { 200: Type.Object({ fingerprint: Fingerprint, note: Type.String() }), ...problems(400, 415) },
      },
    },
    async (request) => {
      const { fingerprint } = request.params;
      if (!/^[0-9a-f]{16}$/.test(fingerprint))
        throw new Problem(400, 'invalid_field', 'is no fingerprint; GET /v1/failures lists them', {
          path: '/fingerprint',
        });
      const { note } = request.body;
      if (note.includes('\0'))
        throw new Problem(400, 'invalid_field', 'must not hold the character NUL', { path: '/note' });
      const actor = actorOf(request);
      await inTransaction(core.pool, async (client) => {
        await noteFailure(client, fingerprint, note, actor);
        await writeAudit(client, { actor, action: 'failure.note', target: fingerprint, after: { note } });
      });
      return { fingerprint, note };
    },
  );
}
