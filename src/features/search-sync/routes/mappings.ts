// Mappings over HTTP: attach a table, see what is mapped and how its indices stand, detach it.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { problems, refuseBody } from '../../../core/http/problem.ts';
import { attach } from '../attach/attach.ts';
import { detach } from '../attach/detach.ts';
import { planMapping } from '../attach/plan.ts';
import { replaceMapping } from '../attach/replace.ts';
import type { Mapping } from '../mapping.ts';
import { MappingAnswer, MappingInput } from '../messages.ts';
import { readLoads, readMapping, readMappings, readVerification } from '../store.ts';
import { presentLoad } from './loads.ts';
import { findMapping, requireOn, type SearchRoutes, translated } from './surface.ts';

const TableParams = Type.Object({ table: Type.String({ minLength: 1, maxLength: 300 }) });
const NoQuery = Type.Object({}, { additionalProperties: false });
const DetachQuery = Type.Object(
  { keepIndex: Type.Optional(Type.Boolean({ description: 'Leaves the indices and their alias where they are.' })) },
  { additionalProperties: false },
);

export function mappingRoutes(app: FastifyInstance, search: SearchRoutes): void {
  const tags = ['search sync'];
  app.put<{ Params: Static<typeof TableParams>; Body: MappingInput }>(
    '/v1/search-sync/mappings/:table',
    {
      schema: {
        operationId: 'putSearchMapping',
        tags,
        summary: 'Mirrors a table to an index, or changes how',
        params: TableParams,
        querystring: NoQuery,
        body: MappingInput,
        response: { 200: MappingAnswer, 201: MappingAnswer, ...problems(400, 404, 409) },
      },
    },
    async (request, reply) => {
      requireOn(search);
      const { pool, targets, log } = search;
      const { table } = request.params;
      return translated(async () => {
        const plan = await planMapping(pool, table, request.body, Object.keys(targets));
        const present = await readMapping(pool, { schema: plan.schema, name: plan.table });
        if (present) {
          const replaced = await replaceMapping({ pool, targets, log }, present, plan);
          await search.note(request, 'replace', { table, ...request.body });
          return answer(search, replaced);
        }
        const { mapping, said } = await attach({ pool, targets, log }, plan);
        log.info({ table, index: mapping.index, actor: search.actor(request) }, 'a table was attached');
        await search.note(request, 'attach', { table, ...request.body });
        void reply.code(201);
        return { ...(await answer(search, mapping)), said };
      });
    },
  );

  app.get<{ Params: Static<typeof TableParams> }>(
    '/v1/search-sync/mappings/:table',
    {
      schema: {
        operationId: 'getSearchMapping',
        tags,
        summary: 'How a table is mirrored, and how its indices stand',
        params: TableParams,
        querystring: NoQuery,
        response: { 200: MappingAnswer, ...problems(400, 404) },
      },
    },
    async (request) => answer(search, await findMapping(search, request.params.table)),
  );

  app.get(
    '/v1/search-sync/mappings',
    {
      schema: {
        operationId: 'listSearchMappings',
        tags,
        summary: 'All mapped tables',
        querystring: NoQuery,
        response: { 200: Type.Object({ mappings: Type.Array(MappingAnswer), nextCursor: Type.Null() }), ...problems() },
      },
    },
    async () => {
      const mappings = await readMappings(search.pool);
      return { mappings: await Promise.all(mappings.map((mapping) => answer(search, mapping))), nextCursor: null };
    },
  );

  app.delete<{ Params: Static<typeof TableParams>; Querystring: Static<typeof DetachQuery> }>(
    '/v1/search-sync/mappings/:table',
    {
      schema: {
        operationId: 'deleteSearchMapping',
        tags,
        summary: 'Detaches a table and removes every trace of it',
        params: TableParams,
        querystring: DetachQuery,
        response: { 200: Type.Object({ table: Type.String(), detached: Type.Boolean() }), ...problems(400, 404, 409) },
      },
    },
    async (request) => {
      refuseBody(request.body);
      const { pool, targets, log } = search;
      const mapping = await findMapping(search, request.params.table);
      await translated(() => detach({ pool, targets }, mapping, { keepIndex: request.query.keepIndex ?? false }));
      log.info({ table: mapping.queueName, actor: search.actor(request) }, 'a table was detached');
      await search.note(request, 'detach', { table: mapping.queueName });
      return { table: mapping.queueName, detached: true };
    },
  );
}

async function answer({ pool }: SearchRoutes, mapping: Mapping): Promise<Record<string, unknown>> {
  const [loads, verification] = [
    await readLoads(pool, mapping.mappingId),
    await readVerification(pool, mapping.mappingId),
  ];
  return {
    table: mapping.queueName,
    index: mapping.index,
    id: mapping.id.map(({ column }) => column),
    where: mapping.where ?? null,
    columns: mapping.columns ?? null,
    sql: mapping.sql ?? null,
    dependencies: mapping.dependencies.map(
      ({ from, to }) => `${from.schema}.${from.table}.${from.column} -> ${to.schema}.${to.table}.${to.column}`,
    ),
    target: mapping.targets,
    suggest: mapping.suggest,
    indices: loads.map(presentLoad),
    ...verification,
  };
}
