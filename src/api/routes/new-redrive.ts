// Making a redrive or a batch cancel: what it is to take, how fast, and whether that many are meant.

import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { rightsOf } from '../../core/access/principal.ts';
import { writeAudit } from '../../core/audit.ts';
import { Problem, problems } from '../../core/http/problem.ts';
import { isSlow } from '../../core/ledger/candidates.ts';
import { inTransaction } from '../../core/ledger/in-transaction.ts';
import {
  countMatches,
  createJob,
  IDS_MAX,
  MATCHES_MAX,
  type NewJob,
  TooManyMatches,
} from '../../core/redrive/freeze.ts';
import type { JobAction } from '../../core/redrive/job.ts';
import { createTurns } from '../../core/turns.ts';
import type { Api, ApiCore } from '../api.ts';
import { actorOf } from '../auth.ts';
import { Filter, filterOf } from '../event-filter.ts';
import { NoQuery } from '../schemas.ts';
import { tooBroad } from './events.ts';
import { JobAnswer } from './redrives.ts';

const RATE_MAX = 1_000;
const CANCEL_RATE_DEFAULT = 200;
const FREEZES_MAX = 2;
const FREEZES_WAITING_MAX = 4;
/** Which states a job may take, the first unless the filter names others. */
const STATES: Record<JobAction, readonly string[][]> = {
  retry: [['EXTINCT'], ['FAILED']],
  cancel: [['QUEUED', 'FAILED', 'PROCESSING'], []],
};

const closed = { additionalProperties: false } as const;
const shared = {
  filter: Type.Optional(Filter),
  ids: Type.Optional(
    Type.Array(Type.String({ format: 'uuid' }), {
      minItems: 1,
      maxItems: IDS_MAX,
      description: 'In the place of a filter: events that a person has selected.',
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MATCHES_MAX, description: 'At most so many, the newest.' })),
  ratePerSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: RATE_MAX })),
  dryRun: Type.Optional(Type.Boolean({ description: 'Only counts what matches now.' })),
  paused: Type.Optional(
    Type.Boolean({
      description: 'The set is frozen, and waits for .../resume: what a confirmation shows is what will be done.',
    }),
  ),
};
const NewRedrive = Type.Object(
  {
    ...shared,
    canary: Type.Optional(
      Type.Object(
        {
          count: Type.Integer({ minimum: 1, maximum: 10_000 }),
          maxFailedPercent: Type.Number({ minimum: 0, maximum: 100 }),
        },
        {
          ...closed,
          description: 'The first `count` go ahead; the rest follows unless more than that part of them fails again.',
        },
      ),
    ),
  },
  closed,
);
const NewCancel = Type.Object(shared, closed);
const Matches = Type.Object({ matches: Type.Integer() });

export function newRedriveRoutes(app: Api, core: ApiCore): void {
  const turns = createTurns(FREEZES_MAX, FREEZES_WAITING_MAX, 'redrives being made at once');
  const response = { 200: Matches, 202: JobAnswer, ...problems(400, 403, 415) };
  const make = async (action: JobAction, body: Static<typeof NewRedrive>, request: FastifyRequest) => {
    refuseOutOfReach(request, body);
    const actor = actorOf(request);
    await core.directory.fresh();
    const job: NewJob = {
      action,
      events: eventsOf(action, body, core),
      filter: shownFilter(body),
      ...(body.limit !== undefined && { limit: body.limit }),
      ratePerSecond: rateOf(action, body),
      ...(body.canary && { canary: body.canary }),
      ...(body.paused && { paused: true }),
      actor,
    };
    const work = async () =>
      body.dryRun
        ? { matches: await countMatches(core.pool, job) }
        : await inTransaction(core.pool, async (client) => {
            const made = await createJob(client, job);
            const { id, filter, matches, ratePerSecond } = made;
            const audited = action === 'retry' ? 'event.redrive' : 'event.cancel';
            await writeAudit(client, { actor, action: audited, target: id, filter, after: { matches, ratePerSecond } });
            return made;
          });
    return await (isQuick(job) ? work() : turns(work)).catch(refusal);
  };
  app.post(
    '/v1/events/redrive',
    {
      config: { scoped: true },
      schema: {
        operationId: 'redriveEvents',
        tags: ['redrives'],
        summary: 'Try again what matches a filter, at a rate',
        description:
          'Takes EXTINCT events, and FAILED ones when `state` of the filter names them. The set is frozen in one transaction; a worker works it off. With `dryRun` 200 and how many match now.',
        querystring: NoQuery,
        body: NewRedrive,
        response,
      },
    },
    async (request, reply) => {
      const answer = await make('retry', request.body, request);
      return reply.code('id' in answer ? 202 : 200).send(answer);
    },
  );
  app.post(
    '/v1/events/cancel',
    {
      config: { scoped: true },
      schema: {
        operationId: 'cancelEvents',
        tags: ['redrives'],
        summary: 'Cancel what matches a filter and has not ended, at a rate',
        description: 'The set is frozen in one transaction; a worker works it off. It can not be undone.',
        querystring: NoQuery,
        body: NewCancel,
        response,
      },
    },
    async (request, reply) => {
      const answer = await make('cancel', request.body, request);
      return reply.code('id' in answer ? 202 : 200).send(answer);
    },
  );
}

/** Who is confined to types or groups must name one of them; who may not see payloads finds nothing by them. */
function refuseOutOfReach(request: FastifyRequest, { filter, ids }: Static<typeof NewRedrive>): void {
  const { scopes, mayReadPayloads } = rightsOf(request) ?? { scopes: {}, mayReadPayloads: false };
  const forbid = (detail: string): never => {
    throw new Problem(403, 'forbidden', detail);
  };
  const { types, groups } = scopes ?? {};
  if (types && !types.includes(filter?.type ?? ''))
    forbid('this key is for some types only: name one of them in the filter');
  if (groups && !groups.includes(filter?.group ?? ''))
    forbid('this key is for some groups only: name one of them in the filter');
  const byValue = filter?.q !== undefined || filter?.key !== undefined || filter?.payload !== undefined;
  if (byValue && !mayReadPayloads) forbid('this key may not find events by what they hold');
  if (scopes && ids) forbid('this key is for some events only: name them by a filter');
}

function isQuick({ events }: NewJob): boolean {
  return 'ids' in events || (!isSlow(events) && events.type !== undefined);
}

function eventsOf(action: JobAction, { filter, ids }: Static<typeof NewRedrive>, core: ApiCore): NewJob['events'] {
  const [byDefault = [], further = []] = STATES[action];
  if (ids !== undefined) {
    if (filter !== undefined)
      throw new Problem(400, 'invalid_field', 'a filter and ids exclude each other', { path: '/ids' });
    return { ids, states: [...byDefault, ...further] };
  }
  if (filter === undefined || Object.keys(filter).length === 0)
    throw new Problem(400, 'empty_filter', 'name what is meant: an empty filter would mean everything', {
      path: '/filter',
    });
  const read = filterOf(filter, core, '/filter');
  const wrong = read.states?.find((state) => ![...byDefault, ...further].includes(state));
  if (wrong !== undefined)
    throw new Problem(
      400,
      'invalid_field',
      `${wrong} events can't be ${action === 'retry' ? 'tried again' : 'cancelled'}`,
      {
        path: '/filter/state',
      },
    );
  return { ...read, states: read.states ?? byDefault };
}

function shownFilter({ filter, ids }: Static<typeof NewRedrive>): Record<string, unknown> {
  return ids === undefined ? { ...filter } : { ids: ids.length };
}

function rateOf(action: JobAction, { ratePerSecond, dryRun }: Static<typeof NewRedrive>): number {
  if (ratePerSecond !== undefined) return ratePerSecond;
  if (action === 'cancel' || dryRun) return CANCEL_RATE_DEFAULT;
  throw new Problem(400, 'missing_field', 'is missing', { path: '/ratePerSecond' });
}

function refusal(error: unknown): never {
  if (error instanceof TooManyMatches)
    throw new Problem(400, 'too_many_matches', `${error.message}: narrow the filter, or give a limit`, {
      path: '/filter',
    });
  return tooBroad(error);
}
