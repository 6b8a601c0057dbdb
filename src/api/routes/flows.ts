// Flow limits over HTTP: what is set for a type or for one of its groups. A change is obeyed by all workers within two
// seconds; a type without a row has no limits, and only a name that nobody knows is not there.

import { type Static, Type } from 'typebox';
import { actorOf } from '../../core/access/principal.ts';
import { milliseconds } from '../../core/duration.ts';
import { readArrivals } from '../../core/flows/arrivals.ts';
import { removeFlow, setFlow } from '../../core/flows/changing.ts';
import { type FlowRow, getFlow, isFlowType, listFlows } from '../../core/flows/index.ts';
import { readPlace, writePlace } from '../../core/flows/place.ts';
import { LIMIT_MAX } from '../../core/flows/rules.ts';
import { simulate } from '../../core/flows/simulate.ts';
import { Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { refuseAccept } from '../../core/ledger/accept.ts';
import { createTurns, type Turns } from '../../core/turns.ts';
import type { Api, ApiCore } from '../api.ts';
import { NoQuery } from '../schemas.ts';

const LIST_LIMIT_DEFAULT = 50;
const SIMULATED_MS_MIN = milliseconds('1m');
const SIMULATED_MS_MAX = milliseconds('24h');
const SIMULATIONS_MAX = 1;
const SIMULATIONS_WAITING_MAX = 4;
const STATEMENT_CANCELLED = '57014';

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
const SimulateQuery = Type.Object(
  {
    simulate: Type.Optional(
      Type.String({ maxLength: 20, description: 'Such as 24h: changes nothing; 1m to 24h.', examples: ['24h'] }),
    ),
  },
  closed,
);
const SimulationAnswer = Type.Object({
  simulated: Type.String(),
  arrivals: Type.Integer({ description: 'Events that came in that time.' }),
  waitMs: nullable(Type.Object({ p50: Type.Integer(), p99: Type.Integer(), max: Type.Integer() })),
  backlog: Type.Object({ max: Type.Integer(), atEnd: Type.Integer() }),
  perMinuteMax: nullable(Type.Number({ description: 'How many may begin a minute; null: without a limit.' })),
  attemptMs: nullable(Type.Number({ description: 'How long an attempt took lately, by which places are counted.' })),
});
const OfType = Type.Object({ type: Type.String() });
const OfGroup = Type.Object({ type: Type.String(), group: Type.String() });

interface Place {
  type: string;
  group?: string;
}

export function flowRoutes(app: Api, core: ApiCore): void {
  // They read the arrivals of a day, and everybody's reads share one pool.
  const simulations = createTurns(SIMULATIONS_MAX, SIMULATIONS_WAITING_MAX, 'simulations at once');
  const flowCore = { ...core, simulations };
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
    routesOf(app, flowCore, path, params, of);
}

function routesOf(
  app: Api,
  core: ApiCore & { simulations: Turns },
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
        querystring: SimulateQuery,
        operationId: `put${of}Flow`,
        summary: `Set the limits of ${what}, or see what they would have done`,
        description:
          'All of them: what is left out is none. Obeyed by all workers within two seconds. With `simulate` nothing is changed, and the answer says what these limits would have done with the arrivals of that time.',
        body: NewFlow,
        response: { 200: Type.Union([FlowAnswer, SimulationAnswer]), ...problems(400, 404, 415) },
      },
    },
    async (request) => {
      const place = await placeOf(core, request.params as Place);
      const { paused = false, maxInFlight = null, rate = null } = request.body as Static<typeof NewFlow>;
      const flow = { ...place, paused, maxInFlight, rate };
      const { simulate: span } = request.query as Static<typeof SimulateQuery>;
      if (span !== undefined) {
        const spanMs = simulatedMs(span);
        const arrivals = await core
          .simulations(() => readArrivals(core.pool, place.type, place.group, spanMs))
          .catch(tooMany);
        return { ...present(flow), simulated: span, ...simulate(flow, arrivals) };
      }
      await setFlow(core.pool, actorOf(request), flow);
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
      await removeFlow(core.pool, actorOf(request), place);
      return reply.code(204).send(null);
    },
  );
}

function simulatedMs(span: string): number {
  try {
    const spanMs = milliseconds(span);
    if (spanMs >= SIMULATED_MS_MIN && spanMs <= SIMULATED_MS_MAX) return spanMs;
  } catch {
    // Said below.
  }
  throw new Problem(400, 'invalid_query', 'must be a duration from 1m to 24h, such as 24h', { path: '/simulate' });
}

function tooMany(error: unknown): never {
  if ((error as { code?: unknown }).code !== STATEMENT_CANCELLED) throw error;
  throw new Problem(400, 'too_many_arrivals', 'too many events arrived in that time: simulate a shorter one', {
    path: '/simulate',
  });
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
