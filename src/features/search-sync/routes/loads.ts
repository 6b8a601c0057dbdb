// Reindex over HTTP: start one, follow it, cancel it.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { notFound, problem, problems, refuseBody } from '../../../core/http/problem.ts';
import { cancelLoad, startReindex } from '../load/reindex.ts';
import { LoadAnswer, TableInput } from '../messages.ts';
import { type LoadRow, readLoad } from '../store.ts';
import { findMapping, requireOn, type SearchRoutes, translated } from './surface.ts';

const NoQuery = Type.Object({}, { additionalProperties: false });
const IdParams = Type.Object({ id: Type.String() });
const tags = ['search sync'];
export function loadRoutes(app: FastifyInstance, search: SearchRoutes): void {
  const { pool, targets, log } = search;
  app.post<{ Body: Static<typeof TableInput> }>(
    '/v1/search-sync/reindex',
    {
      schema: {
        operationId: 'reindexSearchTable',
        tags,
        summary:
          'Makes the indices of a table anew beside the present ones, and swaps them when they are equal to the table',
        querystring: NoQuery,
        body: TableInput,
        response: { 202: LoadAnswer, ...problems(400, 404, 409) },
      },
    },
    async (request, reply) => {
      requireOn(search);
      const mapping = await findMapping(search, request.body.table);
      const [first] = await translated(() => startReindex({ pool, targets, log }, mapping));
      if (!first)
        throw problem(409, 'reindex_running', `a load of ${mapping.queueName} is running already: cancel it, or wait`);
      await search.note(request, 'reindex', { table: mapping.queueName, index: first.name });
      void reply.code(202);
      return presentLoad(first);
    },
  );

  app.get<{ Params: Static<typeof IdParams> }>(
    '/v1/search-sync/reindex/:id',
    {
      schema: {
        operationId: 'getSearchReindex',
        tags,
        summary: 'How far a reindex is',
        params: IdParams,
        querystring: NoQuery,
        response: { 200: LoadAnswer, ...problems(404) },
      },
    },
    async (request) => presentLoad(await find(request.params.id)),
  );

  app.post<{ Params: Static<typeof IdParams> }>(
    '/v1/search-sync/reindex/:id/cancel',
    {
      schema: {
        operationId: 'cancelSearchReindex',
        tags,
        summary: 'Ends a reindex and removes its index; the present one stays',
        params: IdParams,
        querystring: NoQuery,
        response: { 200: LoadAnswer, ...problems(404, 409) },
      },
    },
    async (request) => {
      refuseBody(request.body);
      const { id } = await find(request.params.id);
      const cancelled = await translated(() => cancelLoad({ pool, targets }, id));
      if (!cancelled) throw problem(409, 'not_running', 'this load is not running');
      await search.note(request, 'cancel-reindex', { id });
      return presentLoad(await find(id));
    },
  );

  const find = async (id: string): Promise<LoadRow> => {
    const load = /^[0-9]{1,18}$/.test(id) ? await readLoad(pool, id) : undefined;
    if (!load) throw notFound(`reindex ${id}`);
    return load;
  };
}

export function presentLoad(load: LoadRow): Record<string, unknown> {
  return {
    id: load.id,
    table: load.schema === 'public' ? load.table : `${load.schema}.${load.table}`,
    index: load.name,
    target: load.target,
    state: load.state,
    loaded: Number(load.loaded),
    total: load.total === null ? null : Number(load.total),
    loadedAt: load.loadedAt?.toISOString() ?? null,
    liveAt: load.liveAt?.toISOString() ?? null,
    keptUntil: load.keptUntil?.toISOString() ?? null,
    event: load.event,
    error: load.error,
  };
}
