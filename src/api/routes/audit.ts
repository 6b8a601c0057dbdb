// Who changed what, for operators: before and after only for who may see payloads.

import { type Static, Type } from 'typebox';
import { rightsOf } from '../../core/access/principal.ts';
import { listAudit } from '../../core/audit.ts';
import { Problem, problems } from '../../core/http/problem.ts';
import { instant } from '../../core/ledger/present.ts';
import { readTime } from '../../core/time.ts';
import type { Api, ApiCore } from '../api.ts';

const LIMIT_DEFAULT = 50;
const TEXT_MAX = 512;
const CURSOR = /^\d{1,18}$/;

const closed = { additionalProperties: false } as const;
const text = Type.Optional(Type.String({ minLength: 1, maxLength: TEXT_MAX }));
const AuditQuery = Type.Object(
  {
    actor: text,
    action: Type.Optional(
      Type.String({ pattern: '^[a-z-]+\\.([a-z-]+|\\*)$', maxLength: 100, examples: ['event.retry', 'event.*'] }),
    ),
    target: text,
    from: Type.Optional(Type.String({ format: 'date-time' })),
    to: Type.Optional(Type.String({ format: 'date-time' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ maxLength: 100 })),
  },
  closed,
);
const Entry = Type.Object({
  at: Type.String({ format: 'date-time' }),
  actor: Type.String(),
  action: Type.String(),
  target: Type.String(),
  filter: Type.Optional(Type.Unknown()),
  before: Type.Optional(Type.Unknown()),
  after: Type.Optional(Type.Unknown()),
  reason: Type.Optional(Type.String()),
});
const AuditPage = Type.Object({
  entries: Type.Array(Entry),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

export function auditRoutes(app: Api, { pool }: ApiCore): void {
  app.get(
    '/v1/audit',
    {
      config: { access: 'operator', costly: () => true },
      schema: {
        operationId: 'listAudit',
        tags: ['access'],
        summary: 'Who changed what, newest first',
        description:
          '`filter`, `before` and `after` are left out for callers without the right to payloads. An action such as `event.*` stands for all of its noun.',
        querystring: AuditQuery,
        response: { 200: AuditPage, ...problems(400, 403) },
      },
    },
    async (request) => {
      const { actor, action, target, from, to, limit = LIMIT_DEFAULT, cursor } = request.query;
      if (cursor !== undefined && !CURSOR.test(cursor)) {
        throw new Problem(400, 'invalid_cursor', 'is not a cursor of this list', { path: '/cursor' });
      }
      const filter = { actor, action, target, from: time('from', from), to: time('to', to) };
      const { rows, more } = await listAudit(pool, filter, limit, cursor);
      const whole = rightsOf(request)?.mayReadPayloads ?? false;
      return {
        entries: rows.map(
          (row): Static<typeof Entry> => ({
            at: instant(row.at) ?? '',
            actor: row.actor,
            action: row.action,
            target: row.target,
            ...(whole && row.filter !== null && { filter: row.filter }),
            ...(whole && row.before !== null && { before: row.before }),
            ...(whole && row.after !== null && { after: row.after }),
            ...(row.reason !== null && { reason: row.reason }),
          }),
        ),
        nextCursor: more ? (rows.at(-1)?.id ?? null) : null,
      };
    },
  );
}

function time(name: string, given: string | undefined): Date | undefined {
  const read = given === undefined ? undefined : readTime(given);
  if (typeof read === 'string') throw new Problem(400, 'invalid_query', read, { path: `/${name}` });
  return read;
}
