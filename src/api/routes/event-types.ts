// What people set in the place of a type's own policy. All workers obey it within two seconds.

import { type Static, Type } from 'typebox';
import { writeAudit } from '../../core/audit.ts';
import { presentEventType } from '../../core/event-type-description.ts';
import { notFound, Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { inTransaction } from '../../core/ledger/in-transaction.ts';
import type { KnownType } from '../../core/ledger/type-directory.ts';
import { deleteOverride, type GivenOverride, putOverride, readOverride } from '../../core/type-overrides.ts';
import type { Api, ApiCore } from '../api.ts';
import { actorOf } from '../auth.ts';
import { EventTypeAnswer, NoQuery } from '../schemas.ts';

const closed = { additionalProperties: false } as const;
const Duration = Type.String({ maxLength: 20, examples: ['10s'] });
const Override = Type.Object(
  {
    retry: Type.Optional(
      Type.Object(
        {
          maxAttempts: Type.Optional(Type.Integer()),
          base: Type.Optional(Duration),
          cap: Type.Optional(Duration),
          jitter: Type.Optional(Type.Number()),
        },
        closed,
      ),
    ),
    timeout: Type.Optional(Duration),
    priority: Type.Optional(Type.Integer({ description: 'Of events that are accepted without one.' })),
    // Not a union with null: a refusal must name the field.
    batch: Type.Optional(
      Type.Unsafe<number | null>({ type: ['integer', 'null'], description: 'null: always a workflow each.' }),
    ),
  },
  closed,
);
const OfType = Type.Object({ type: Type.String() });

export function eventTypeRoutes(app: Api, core: ApiCore): void {
  app.put(
    '/v1/event-types/:type',
    {
      schema: {
        operationId: 'putEventType',
        tags: ['event types'],
        summary: "Set policies in the place of the code's",
        description:
          "All of them: what is left out is the code's. Obeyed by all workers within two seconds; a longer timeout counts for runs that start after that.",
        params: OfType,
        querystring: NoQuery,
        body: Override,
        response: { 200: EventTypeAnswer, ...problems(400, 404, 415) },
      },
    },
    async (request) => {
      const { name, code, workers } = await known(core, request.params.type);
      const override = readOverride(request.body as GivenOverride, { name, long: code?.long ?? false });
      if (typeof override === 'string') throw refusal(override, request.body as Static<typeof Override>);
      if (Object.keys(override).length === 0)
        throw new Problem(400, 'missing_field', 'sets nothing; DELETE returns to what the code says', { path: '' });
      const actor = actorOf(request);
      await inTransaction(core.pool, async (client) => {
        const before = await putOverride(client, name, override, actor);
        await writeAudit(client, { actor, action: 'event-type.override', target: name, before, after: override });
      });
      return presentEventType(name, code, workers, override);
    },
  );
  app.delete(
    '/v1/event-types/:type',
    {
      schema: {
        operationId: 'resetEventType',
        tags: ['event types'],
        summary: 'Return to the policies of the code',
        description: 'The same answer when nothing was set.',
        params: OfType,
        querystring: NoQuery,
        response: { 204: Type.Null(), ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      refuseBody(request.body);
      const { name } = await known(core, request.params.type);
      const actor = actorOf(request);
      await inTransaction(core.pool, async (client) => {
        const before = await deleteOverride(client, name);
        if (before) await writeAudit(client, { actor, action: 'event-type.reset', target: name, before });
      });
      return reply.code(204).send(null);
    },
  );
}

async function known({ directory }: ApiCore, type: string): Promise<KnownType> {
  await directory.fresh();
  const found = directory.get(type);
  if (!found) throw notFound('the event type');
  return found;
}

/** `message` is that of a definition in code: `event type "x": retry.base must ...`. */
function refusal(message: string, body: Static<typeof Override>): Problem {
  const words = message.replace(/^event type "[^"]*": /, '');
  const [setting = ''] = words.split(' ');
  const isField = setting.split('.')[0] as keyof typeof body;
  const path = isField in body ? `/${setting.replaceAll('.', '/')}` : '';
  return new Problem(400, 'invalid_field', words, { path });
}
