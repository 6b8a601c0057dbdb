// What a person asks to be checked now, due or not.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { RouteDependencies } from '../../../core/feature.ts';
import { notFound, problem, problems } from '../../../core/http/problem.ts';
import { CheckBody, ChecksBody, EventAnswer, Id } from '../messages.ts';
import type { PriceSettings } from '../settings.ts';
import { readCheckables } from '../store/products.ts';
import { NoQuery, TAGS } from './paging.ts';

/** A person waits for one product, and nobody for a thousand. */
const PERSON_PRIORITY = 1;
const BATCH_PRIORITY = 4;

const Params = Type.Object({ id: Id });

export function checkRoutes(app: FastifyInstance, dependencies: RouteDependencies<PriceSettings>): void {
  const { pool } = dependencies;

  app.post<{ Params: Static<typeof Params>; Body: Static<typeof CheckBody> | undefined }>(
    '/v1/price/products/:id/check',
    {
      schema: {
        operationId: 'checkProduct',
        tags: TAGS,
        summary: 'Check a product now',
        params: Params,
        querystring: NoQuery,
        body: CheckBody,
        response: { 202: EventAnswer, ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if ((await readCheckables(pool, [id])).length === 0) throw notFound(`product ${id}`);
      const priority = request.body?.priority ?? PERSON_PRIORITY;
      return reply.code(202).send({ event: await accepted(dependencies, 'price.check', { product: id }, priority) });
    },
  );

  app.post<{ Body: Static<typeof ChecksBody> }>(
    '/v1/price/checks',
    {
      schema: {
        operationId: 'checkProducts',
        tags: TAGS,
        summary: 'Check up to 1,000 products now',
        querystring: NoQuery,
        body: ChecksBody,
        response: { 202: EventAnswer, ...problems(400) },
      },
    },
    async (request, reply) => {
      const { productIds, priority = BATCH_PRIORITY } = request.body;
      const known = new Set((await readCheckables(pool, productIds)).map(({ id }) => id));
      const unknown = productIds.findIndex((id) => !known.has(id));
      if (unknown !== -1)
        throw problem(400, 'unknown_product', `there is no product ${productIds[unknown]}`, {
          path: `/productIds/${unknown}`,
        });
      const event = await accepted(dependencies, 'price.batch', { products: productIds }, priority);
      return reply.code(202).send({ event });
    },
  );
}

/** The id of an event that is committed. */
export async function accepted(
  { accept }: RouteDependencies<PriceSettings>,
  type: string,
  payload: unknown,
  priority: number,
): Promise<string> {
  const [outcome] = await accept([{ type, payload, priority, source: 'http' }]);
  if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error(`${type} was not accepted`);
  return outcome.id;
}
