// Sweeps over HTTP: start one for what is due now, see how far each is, pause, go on; and the figures of all checks.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../../core/access/principal.ts';
import { audited } from '../../../core/audit.ts';
import type { RouteDependencies } from '../../../core/feature.ts';
import { notFound, problem, problems, refuseBody } from '../../../core/http/problem.ts';
import { EventAnswer, SweepPayload } from '../messages.ts';
import type { PriceSettings } from '../settings.ts';
import { listSweeps, pauseSweep, readStatistics, type SweepRow } from '../store/sweeps.ts';
import { accepted } from './checks.ts';
import { Cursor, cursorKey, LIMIT_DEFAULT, Limit, NextCursor, NoQuery, page, TAGS } from './paging.ts';

const SWEEP_PRIORITY = 3;
const Params = Type.Object({ id: Type.String({ format: 'uuid' }) });
const Query = Type.Object({ cursor: Cursor, limit: Limit }, { additionalProperties: false });
const Any = Type.Object({}, { additionalProperties: true });
const isUuid = (key: string): boolean => /^[0-9a-f-]{36}$/.test(key);

export function sweepRoutes(app: FastifyInstance, dependencies: RouteDependencies<PriceSettings>): void {
  const { pool } = dependencies;

  app.post<{ Body: SweepPayload }>(
    '/v1/price/sweeps',
    {
      schema: {
        operationId: 'startSweep',
        tags: TAGS,
        summary: 'Check what is due now, of one tier or of all',
        querystring: NoQuery,
        body: SweepPayload,
        response: { 202: EventAnswer, ...problems(400) },
      },
    },
    async (request, reply) => {
      const { tier, all } = request.body;
      if ((tier === undefined) === (all === undefined))
        throw problem(400, 'invalid_field', 'must have either tier or all: true', { path: '/tier' });
      return reply.code(202).send({ event: await accepted(dependencies, 'price.sweep', request.body, SWEEP_PRIORITY) });
    },
  );

  app.get<{ Querystring: Static<typeof Query> }>(
    '/v1/price/sweeps',
    {
      schema: {
        operationId: 'listSweeps',
        tags: TAGS,
        summary: 'Sweeps with progress, rate and expected end, newest first',
        querystring: Query,
        response: { 200: Type.Object({ sweeps: Type.Array(Any), nextCursor: NextCursor }), ...problems(400) },
      },
    },
    async ({ query: { cursor, limit = LIMIT_DEFAULT } }) => {
      const found = await listSweeps(pool, { before: cursorKey(cursor, isUuid), limit: limit + 1 });
      const { rows, nextCursor } = page(found, limit, ({ id }) => id);
      return { sweeps: rows.map(present), nextCursor };
    },
  );

  for (const [verb, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    app.post<{ Params: Static<typeof Params> }>(
      `/v1/price/sweeps/:id/${verb}`,
      {
        schema: {
          operationId: `${verb}Sweep`,
          tags: TAGS,
          summary: paused ? 'Pause a sweep; what is under way is written' : 'Let a paused sweep go on',
          params: Params,
          querystring: NoQuery,
          response: { 200: Any, ...problems(400, 404, 409) },
        },
      },
      async (request) => {
        refuseBody(request.body);
        const { id } = request.params;
        const changed = await audited(pool, actorOf(request), async (client, audit) => {
          const done = await pauseSweep(client, id, paused);
          if (done) await audit({ action: `sweep.${verb}`, target: id });
          return done;
        });
        const [sweep] = await listSweeps(pool, { id, limit: 1 });
        if (!sweep) throw notFound(`sweep ${id}`);
        if (!changed) throw problem(409, 'sweep_ended', `the sweep is ${sweep.state}`);
        return present(sweep);
      },
    );
  }

  app.get(
    '/v1/price/statistics',
    {
      schema: {
        operationId: 'priceStatistics',
        tags: TAGS,
        summary: 'Products by tier, what is due, and how checks go',
        querystring: NoQuery,
        response: { 200: Any, ...problems() },
      },
    },
    async () => readStatistics(pool),
  );
}

function present(row: SweepRow): Record<string, unknown> {
  const { id, elapsedMs, startedAt, endedAt, asOf, ...rest } = row;
  const perSecond = elapsedMs > 0 ? row.checked / (elapsedMs / 1_000) : 0;
  const left = Math.max(0, row.due - row.checked);
  const endsAtMs = perSecond > 0 ? Date.now() + (left / perSecond) * 1_000 : undefined;
  return {
    event: id,
    ...rest,
    progress: row.due === 0 ? 1 : Math.min(1, row.checked / row.due),
    checksPerSecond: Math.round(perSecond * 100) / 100,
    expectedEnd: row.state === 'running' && endsAtMs !== undefined ? new Date(endsAtMs).toISOString() : null,
    asOf: asOf.toISOString(),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}
