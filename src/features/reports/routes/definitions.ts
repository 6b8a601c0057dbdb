// Definitions over HTTP: put, read, listed, deleted.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../../core/access/principal.ts';
import { audited } from '../../../core/audit.ts';
import type { RouteDependencies } from '../../../core/feature.ts';
import { notFound, problem, problems, refuseBody } from '../../../core/http/problem.ts';
import { Definition, ReportAnswer } from '../messages.ts';
import { checkDefinition } from '../rules.ts';
import type { ReportSettings } from '../settings.ts';
import type { Sources } from '../sources/index.ts';
import { deleteReport, listReports, putReport, readReport, type StoredReport } from '../store/definitions.ts';
import { answered, LIMIT_DEFAULT, NoQuery, Page, Params, TAGS } from './answers.ts';

const List = Type.Object({ reports: Type.Array(ReportAnswer), nextCursor: Type.Union([Type.String(), Type.Null()]) });

export function definitionRoutes(
  app: FastifyInstance,
  { pool }: RouteDependencies<ReportSettings>,
  sources: Sources,
): void {
  app.put<{ Params: Static<typeof Params>; Body: Definition }>(
    '/v1/reports/:id',
    {
      // Whoever writes the SQL reads what it finds.
      config: { shows: 'payloads' },
      schema: {
        operationId: 'putReport',
        tags: TAGS,
        summary: 'Create or replace a report',
        params: Params,
        querystring: NoQuery,
        body: Definition,
        response: { 200: ReportAnswer, 201: ReportAnswer, ...problems(400) },
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      await answered(() => checkDefinition(body, sources));
      const { created, ...report } = await audited(pool, actorOf(request), async (client, audit) => {
        const before = await readReport(client, params.id);
        const put = await putReport(client, params.id, body);
        await audit({ action: 'report.put', target: params.id, before: before?.definition, after: put.definition });
        return put;
      });
      return reply.code(created ? 201 : 200).send(present(report));
    },
  );

  app.get<{ Params: Static<typeof Params> }>(
    '/v1/reports/:id',
    {
      schema: {
        operationId: 'getReport',
        tags: TAGS,
        summary: 'A report',
        params: Params,
        querystring: NoQuery,
        response: { 200: ReportAnswer, ...problems(400, 404) },
      },
    },
    async ({ params }) => {
      const report = await readReport(pool, params.id);
      if (!report) throw notFound(`report ${params.id}`);
      return present(report);
    },
  );

  app.get<{ Querystring: Static<typeof Page> }>(
    '/v1/reports',
    {
      schema: {
        operationId: 'listReports',
        tags: TAGS,
        summary: 'All reports, by id',
        querystring: Page,
        response: { 200: List, ...problems(400) },
      },
    },
    async ({ query: { cursor, limit = LIMIT_DEFAULT } }) => {
      const found = await listReports(pool, cursor === undefined ? undefined : idOf(cursor), limit + 1);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return { reports: page.map(present), nextCursor: found.length > limit && last ? cursorOf(last.id) : null };
    },
  );

  app.delete<{ Params: Static<typeof Params> }>(
    '/v1/reports/:id',
    {
      schema: {
        operationId: 'deleteReport',
        tags: TAGS,
        summary: 'Delete a report; its deliveries stay',
        params: Params,
        querystring: NoQuery,
        response: { 204: Type.Null(), ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      refuseBody(body);
      await audited(pool, actorOf(request), async (client, audit) => {
        const before = await readReport(client, params.id);
        if (!(await deleteReport(client, params.id))) throw notFound(`report ${params.id}`);
        await audit({ action: 'report.delete', target: params.id, before: before?.definition });
      });
      return reply.code(204).send();
    },
  );
}

function present({ id, definition, createdAt, updatedAt }: StoredReport) {
  return { id, ...definition, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

function cursorOf(id: string): string {
  return Buffer.from(id).toString('base64url');
}

function idOf(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (!/^[\w.-]+$/.test(id) || cursorOf(id) !== cursor) {
    throw problem(400, 'invalid_query', 'is no cursor of this list: take nextCursor of the page before', {
      path: '/cursor',
    });
  }
  return id;
}
