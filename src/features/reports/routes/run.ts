// A run of a report: an event, or its first rows at once and nothing sent.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { RouteDependencies } from '../../../core/feature.ts';
import { notFound, problems } from '../../../core/http/problem.ts';
import { dryRun } from '../building.ts';
import { parseRecipients } from '../mail/recipients.ts';
import { RunBody } from '../messages.ts';
import { bind } from '../parameters.ts';
import type { ReportSettings } from '../settings.ts';
import type { Sources } from '../sources/index.ts';
import { readReport } from '../store/definitions.ts';
import { answered, NoQuery, Params, TAGS } from './answers.ts';

const DryRunAnswer = Type.Object({
  columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String() })),
  rows: Type.Array(Type.Array(Type.Union([Type.String(), Type.Null()]))),
  sql: Type.String(),
});

export function runRoute(
  app: FastifyInstance,
  { pool, accept, config }: RouteDependencies<ReportSettings>,
  sources: Sources,
): void {
  app.post<{ Params: Static<typeof Params>; Body: Static<typeof RunBody> | undefined }>(
    '/v1/reports/:id/run',
    {
      config: { shows: 'payloads' },
      schema: {
        operationId: 'runReport',
        tags: TAGS,
        summary: 'Run a report; with dryRun: its first 20 rows, and nothing is sent',
        params: Params,
        querystring: NoQuery,
        body: RunBody,
        response: { 200: DryRunAnswer, 202: Type.Object({ event: Type.String() }), ...problems(400, 404) },
      },
    },
    async ({ params: { id }, body = {} }, reply) => {
      const report = await readReport(pool, id);
      if (!report) throw notFound(`report ${id}`);
      const { definition } = report;
      const { parameters = {}, recipients } = body;
      await answered(() => {
        bind(definition, parameters, sources.marksOf(definition.source));
        parseRecipients(recipients ?? []);
      });
      if (body.dryRun) {
        const place = { pool, sources, timeZone: config.timeZone };
        const { columns, rows, sql } = await answered(() => dryRun(place, definition, parameters));
        return { columns: columns.map(({ name, type }) => ({ name, type })), rows, sql };
      }
      const payload = { report: id, ...(body.parameters && { parameters }), ...(recipients && { recipients }) };
      const [outcome] = await accept([{ type: 'report', payload, source: 'http' }]);
      if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error('the run was not accepted');
      return reply.code(202).send({ event: outcome.id });
    },
  );
}
