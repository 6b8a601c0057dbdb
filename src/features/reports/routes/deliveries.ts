// What became of runs, and their files: for API keys, and for who has a signed link that hasn't ended.

import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { rightsOf } from '../../../core/access/principal.ts';
import type { RouteDependencies } from '../../../core/feature.ts';
import { notFound, problem, problems } from '../../../core/http/problem.ts';
import { readCursor, writeCursor } from '../../../core/ledger/cursor.ts';
import { isSigned } from '../link.ts';
import { contentTypeOf } from '../mail/message.ts';
import type { ReportSettings } from '../settings.ts';
import { readReport } from '../store/definitions.ts';
import { type Delivery, listDeliveries, type RecipientRow, readDelivery, readRecipients } from '../store/deliveries.ts';
import { readFile, readSecret } from '../store/files.ts';
import { LIMIT_DEFAULT, Page, Params, TAGS } from './answers.ts';

const FileParams = Type.Object({ id: Type.String({ format: 'uuid' }) });
const FileQuery = Type.Object(
  { expires: Type.Optional(Type.String({ maxLength: 12 })), signature: Type.Optional(Type.String({ maxLength: 100 })) },
  { additionalProperties: false },
);
const Deliveries = Type.Object({
  deliveries: Type.Array(Type.Object({ id: Type.String(), state: Type.String() }, { additionalProperties: true })),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

export function deliveryRoutes(app: FastifyInstance, { pool }: RouteDependencies<ReportSettings>): void {
  app.get<{ Params: Static<typeof Params>; Querystring: Static<typeof Page> }>(
    '/v1/reports/:id/deliveries',
    {
      config: { shows: 'payloads' },
      schema: {
        operationId: 'listReportDeliveries',
        tags: TAGS,
        summary: 'What became of the runs of a report, newest first',
        params: Params,
        querystring: Page,
        response: { 200: Deliveries, ...problems(400, 404) },
      },
    },
    async ({ params: { id }, query: { cursor, limit = LIMIT_DEFAULT } }) => {
      const before = cursor === undefined ? undefined : readCursor(cursor);
      if (cursor !== undefined && before === undefined) {
        throw problem(400, 'invalid_query', 'is no cursor of this list: take nextCursor of the page before', {
          path: '/cursor',
        });
      }
      const found = await listDeliveries(pool, { report: id, before, limit: limit + 1 });
      if (found.length === 0 && !(await readReport(pool, id))) throw notFound(`report ${id}`);
      const page = found.slice(0, limit);
      const recipients = await readRecipients(
        pool,
        page.map((delivery) => delivery.id),
      );
      const last = page.at(-1);
      return {
        deliveries: page.map((delivery) => present(delivery, recipients)),
        nextCursor: found.length > limit && last ? writeCursor(last.id) : null,
      };
    },
  );

  app.get<{ Params: Static<typeof FileParams>; Querystring: Static<typeof FileQuery> }>(
    '/v1/report-deliveries/:id/file',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getReportFile',
        tags: TAGS,
        summary: 'The file of a delivery: by an API key, or by the signed link of a mail',
        security: [{ apiKey: [] }, {}],
        params: FileParams,
        querystring: FileQuery,
        response: { ...problems(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { expires, signature } = request.query;
      const rights = rightsOf(request);
      if (!rights?.mayReadPayloads || rights.scopes) {
        if (expires === undefined || signature === undefined) {
          throw problem(
            401,
            'unauthorized',
            'send Authorization: Bearer <API key>, or take the link of the mail as it is',
          );
        }
        const secret = await readSecret(pool, 'link');
        if (!isSigned(secret, { delivery: id, expires, signature, now: new Date() })) {
          throw problem(403, 'forbidden', 'this link has ended, or is not the one of the mail');
        }
      }
      const delivery = await readDelivery(pool, id);
      if (!delivery) throw notFound(`delivery ${id}`);
      const { file, bytes, fileName, definition } = delivery;
      if (file === null)
        throw problem(404, 'not_found', `delivery ${id} has no file: it was not built yet, or is kept no longer`);
      return (
        reply
          .type(contentTypeOf(definition.format))
          .header('content-length', bytes ?? '0')
          .header('content-disposition', disposition(fileName ?? 'report'))
          .header('x-content-type-options', 'nosniff')
          // A report of format html holds what is in a database: no script of it may run.
          .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
          .header('cache-control', 'private, no-store')
          .send(Readable.from(readFile(pool, file, Number(bytes)), { objectMode: false }))
      );
    },
  );
}

/** After RFC 6266: a plain name for old clients, and the real one. */
function disposition(fileName: string): string {
  const plain = fileName
    .normalize('NFKD')
    .replace(/[^\x20-\x7e]+/g, '')
    .replace(/["\\%]/g, '_');
  const encoded = encodeURIComponent(fileName.toWellFormed?.() ?? fileName).replace(
    /['()*!]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

function present(delivery: Delivery, recipients: readonly RecipientRow[]) {
  const { id, report, event, state, note, error, definition, parameters, fileName, more, sha256 } = delivery;
  return {
    id,
    report,
    event,
    state,
    note,
    error,
    format: definition.format,
    parameters,
    fileName,
    rows: delivery.rows === null ? null : Number(delivery.rows),
    more,
    bytes: delivery.bytes === null ? null : Number(delivery.bytes),
    sha256,
    recipients: recipients
      .filter((recipient) => recipient.delivery === id)
      .map(({ delivery: _, at, ...recipient }) => ({ ...recipient, at: at?.toISOString() ?? null })),
    createdAt: delivery.createdAt.toISOString(),
    finishedAt: delivery.finishedAt?.toISOString() ?? null,
    fileUntil: delivery.fileUntil?.toISOString() ?? null,
  };
}
