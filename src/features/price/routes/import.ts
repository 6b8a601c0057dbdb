// The import over HTTP: the body is a stream of CSV or NDJSON and is never held as a whole. An import with a key
// (Idempotency-Key) that broke off is sent again and goes on after the last line that was committed.

import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../../core/access/principal.ts';
import type { RouteDependencies } from '../../../core/feature.ts';
import { problem, problems } from '../../../core/http/problem.ts';
import { type ImportFormat, ImportRefused, importProducts } from '../importing/import.ts';
import type { PriceSettings } from '../settings.ts';
import { NoQuery, TAGS } from './paging.ts';

const FORMATS: Readonly<Record<string, ImportFormat>> = { 'text/csv': 'csv', 'application/x-ndjson': 'ndjson' };
const IMPORT_BYTES_MAX = 16 * 1024 * 1024 * 1024;

const Headers = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) });
const Answer = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  rejectedCount: Type.Integer(),
  rejected: Type.Array(Type.Object({ line: Type.Integer(), code: Type.String(), detail: Type.String() }), {
    description: 'the first 10,000',
  }),
});

export function importRoute(app: FastifyInstance, { pool, outbound }: RouteDependencies<PriceSettings>): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    for (const type of Object.keys(FORMATS))
      scope.addContentTypeParser(type, async (_request: unknown, body: Readable) => body);
    scope.post<{ Headers: Static<typeof Headers> }>(
      '/v1/price/products/import',
      {
        bodyLimit: IMPORT_BYTES_MAX,
        schema: {
          operationId: 'importProducts',
          tags: TAGS,
          summary: 'Create or change many products from a stream of CSV or NDJSON',
          consumes: Object.keys(FORMATS),
          headers: Headers,
          querystring: NoQuery,
          response: { 200: Answer, ...problems(400, 415) },
        },
      },
      async (request) => {
        const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
        const format = FORMATS[type];
        if (!format || !request.body)
          throw problem(415, 'unsupported_media_type', `this call takes ${Object.keys(FORMATS).join(' or ')}`);
        return importProducts(request.body as Readable, {
          pool,
          actor: actorOf(request),
          key: request.headers['idempotency-key'],
          format,
          refuseUrl: outbound.refuse,
        }).catch((error: unknown) => {
          if (error instanceof ImportRefused) throw problem(400, error.code, error.message, { path: '' });
          throw error;
        });
      },
    );
  });
}
