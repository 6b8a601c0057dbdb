// An event's payload as the ledger has it, digit by digit: to look at, and to edit it elsewhere without a number that was
// rounded on the way.

import { Type } from 'typebox';
import { inScope, rightsOf } from '../../core/access/principal.ts';
import { notFound, Problem, problems } from '../../core/http/problem.ts';
import { payloadText } from '../../core/ledger/events.ts';
import { masked } from '../../core/ledger/present.ts';
import { hasSecrets } from '../../core/secret-fields.ts';
import type { Api, ApiCore } from '../api.ts';
import { IdParams, NoQuery } from '../schemas.ts';
import { eventId } from './events.ts';

export function payloadRoutes(app: Api, core: ApiCore): void {
  app.get(
    '/v1/events/:id/payload',
    {
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
      const rights = rightsOf(request);
      if (!rights?.mayReadPayloads) throw new Problem(403, 'forbidden', 'this caller may not read payloads');
      const found = await payloadText(core.pool, eventId(request.params.id));
      if (!found || found.pruned || !inScope(rights.scopes, found.type, found.group)) throw notFound('the payload');
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
