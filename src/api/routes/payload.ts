// An event's payload as the ledger has it, digit by digit: to look at, and to edit it elsewhere without a number that was
// rounded on the way.

import { Type } from 'typebox';
import { isOwn } from '../../core/access/confine.ts';
import { notFound, problems } from '../../core/http/problem.ts';
import { payloadText } from '../../core/ledger/events.ts';
import { masked } from '../../core/ledger/present.ts';
import { hasSecrets } from '../../core/secret-fields.ts';
import type { Api, ApiCore } from '../api.ts';
import { IdParams, NoQuery } from '../schemas.ts';
import { eventId } from './event-id.ts';

export function payloadRoutes(app: Api, core: ApiCore): void {
  app.get(
    '/v1/events/:id/payload',
    {
      config: { scoped: true, shows: 'payloads' },
      schema: {
        operationId: 'getEventPayload',
        tags: ['events'],
        summary: 'The payload alone, as JSON text with all its digits',
        params: IdParams,
        querystring: NoQuery,
        response: { 200: Type.Unknown(), ...problems(403, 404) },
      },
    },
    async (request, reply) => {
      const found = await payloadText(core.pool, eventId(request.params.id));
      if (!found || found.pruned || !isOwn(request, found)) throw notFound('the payload');
      await core.directory.fresh();
      const description = core.directory.get(found.type)?.description;
      const text = hasSecrets(description?.schema) ? JSON.stringify(masked(found.payload, description)) : found.text;
      return reply
        .type('application/json; charset=utf-8')
        .serializer((given) => given as string)
        .send(text);
    },
  );
}
