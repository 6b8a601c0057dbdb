// Flow limits over HTTP: what is set for a type or for one of its groups. A change is obeyed by all workers within two
// seconds; a type without a row has no limits, and only a name that nobody knows is not there.

import { type Static, Type } from 'typebox';
import { deleteFlow, type FlowRow, getFlow, isFlowType, listFlows, putFlow } from '../../core/flows/index.ts';
import { readPlace, writePlace } from '../../core/flows/place.ts';
import { LIMIT_MAX } from '../../core/flows/rules.ts';
import { Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { refuseAccept } from '../../core/ledger/accept.ts';
import type { Api, ApiCore } from '../api.ts';
import { NoQuery } from '../schemas.ts';

const LIST_LIMIT_DEFAULT = 50;

const closed = { additionalProperties: false } as const;
const nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const positive = Type.Integer({ minimum: 1, maximum: LIMIT_MAX });

const Rate = Type.Object(
  { limit: positive, per: Type.Unsafe<'second' | 'minute'>({ type: 'string', enum: ['second', 'minute'] }) },
  closed,
);
const NewFlow = Type.Object(
  {
    paused: Type.Optional(Type.Boolean({ description: 'Nothing begins; what is under way goes on. Default: false.' })),
    // Not a union with null: a refusal must name the field inside.
    maxInFlight: Type.Optional(
      Type.Unsafe<number | null>({
        type: ['integer', 'null'],
        minimum: 1,
        maximum: LIMIT_MAX,
        description: 'Attempts under way at once, over all workers; null or absent: no bound.',
      }),
    ),
    rate: Type.Optional(
      Type.Unsafe<Static<typeof Rate> | null>({
        ...Rate,
        type: ['object', 'null'],
        description: 'No sliding second or minute holds more attempts than this; null or absent: no limit.',
      }),
    ),
  },
  closed,
);
export const FlowAnswer = Type.Object({
  type: Type.String(),
  group: nullable(Type.String({ description: 'null: all events of the type.' })),
  paused: Type.Boolean(),
  maxInFlight: nullable(Type.Integer()),
  rate: nullable(Rate),
});
const FlowPage = Type.Object({ flows: Type.Array(FlowAnswer), nextCursor: nullable(Type.String()) });
const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: LIST_LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ maxLength: 2_000, description: 'nextCursor of the page before.' })),
  },
  closed,
);
const OfType = Type.Object({ type: Type.String() });
const OfGroup = Type.Object({ type: Type.String(), group: Type.String() });

interface Place {
  type: string;
  group?: string;
}

export function flowRoutes(app: Api, core: ApiCore): void {
  app.get(
    '/v1/flows',
    {
      schema: {
        operationId: 'listFlows',
        tags: ['flows'],
        summary: 'The flows that are set, by type and group',
        querystring: ListQuery,
        response: { 200: FlowPage, ...problems(400) },
      },
    },
    async ({ query }) => {
      const after = query.cursor === undefined ? undefined : readPlace(query.cursor);
      if (query.cursor !== undefined && !after)
        throw new Problem(400, 'invalid_cursor', 'is not a cursor of this list', { path: '/cursor' });
      const { rows, more } = await listFlows(core.pool, query.limit ?? LIST_LIMIT_DEFAULT, after);
      const last = rows.at(-1);
      return { flows: rows.map(present), nextCursor: more && last ? writePlace(last) : null };
    },
  );
  for (const [path, params, of] of [
    ['/v1/flows/:type', OfType, 'Type'],
    ['/v1/flows/:type/:group', OfGroup, 'Group'],
  ] as const)
    routesOf(app, core, path, params, of);
}

function routesOf(
  app: Api,
  core: ApiCore,
  url: string,
  params: typeof OfType | typeof OfGroup,
  of: 'Type' | 'Group',
): void {
  const what = of === 'Type' ? 'a type' : 'a group of a type';
  const shared = { tags: ['flows'], params, querystring: NoQuery };
  app.get(
    url,
    {
      schema: {
        ...shared,
        operationId: `get${of}Flow`,
        summary: `The limits of ${what}`,
        response: { 200: FlowAnswer, ...problems(400, 404) },
      },
    },
    async (request) => {
      const place = await placeOf(core, request.params as Place);
      return present((await getFlow(core.pool, place.type, place.group)) ?? { ...place, ...NO_LIMITS });
    },
  );
  app.put(
    url,
    {
      schema: {
        ...shared,
        operationId: `put${of}Flow`,
        summary: `Set the limits of ${what}`,
        description: 'All of them: what is left out is none. Obeyed by all workers within two seconds.',
        body: NewFlow,
        response: { 200: FlowAnswer, ...problems(400, 404, 415) },
      },
    },
    async (request) => {
      const place = await placeOf(core, request.params as Place);
      const { paused = false, maxInFlight = null, rate = null } = request.body as Static<typeof NewFlow>;
      const flow = { ...place, paused, maxInFlight, rate };
      await putFlow(core.pool, flow);
      return present(flow);
    },
  );
  app.delete(
    url,
    {
      schema: {
        ...shared,
        operationId: `delete${of}Flow`,
        summary: `Take the limits of ${what} away`,
        description: 'The same answer when there were none.',
        response: { 204: Type.Null(), ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      refuseBody(request.body);
      const place = await placeOf(core, request.params as Place);
      await deleteFlow(core.pool, place.type, place.group);
      return reply.code(204).send(null);
    },
  );
}

const NO_LIMITS = { paused: false, maxInFlight: null, rate: null };

/** Throws a Problem for a type that nobody knows, and for what no group can be. */
async function placeOf(
  { pool, directory, flowNames }: ApiCore,
  { type, group }: Place,
): Promise<{ type: string; group: string }> {
  const refusal = group === undefined ? undefined : refuseAccept({ group });
  if (refusal) throw new Problem(400, 'invalid_field', refusal.message, { path: refusal.path });
  await directory.fresh();
  if (!directory.get(type) && !flowNames.has(type) && !(await isFlowType(pool, type))) {
    throw new Problem(
      404,
      'not_found',
      'neither an event type nor a feature has this name; GET /v1/event-types lists the types',
      { path: '/type' },
    );
  }
  return { type, group: group ?? '' };
}

function present({ type, group, paused, maxInFlight, rate }: FlowRow): Static<typeof FlowAnswer> {
  return { type, group: group === '' ? null : group, paused, maxInFlight, rate };
}
