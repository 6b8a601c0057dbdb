// Reading events, and a person's retry and cancel.

import type { FastifyRequest } from 'fastify';
import type { PoolClient } from 'pg';
import { confine, hiddenError, isOwn, refuseByValue, seesPayloads, shownTo } from '../../core/access/confine.ts';
import { actorOf, rightsOf } from '../../core/access/principal.ts';
import { audited } from '../../core/audit.ts';
import { whyWaiting } from '../../core/flows/index.ts';
import { notFound, Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { cancelEvent, type PersonAnswer } from '../../core/ledger/cancel.ts';
import { isSlow } from '../../core/ledger/candidates.ts';
import { readCursor, writeCursor } from '../../core/ledger/cursor.ts';
import { eventHistory, getEvent, listEvents, previousPayloads, SearchTooBroad } from '../../core/ledger/events.ts';
import { type EventJson, isHeldUp, presentEvent } from '../../core/ledger/present.ts';
import { retryEvent } from '../../core/ledger/retry.ts';
import { createTurns } from '../../core/turns.ts';
import type { Api, ApiCore } from '../api.ts';
import { editedPayload } from '../edited-payload.ts';
import { filterOf } from '../event-filter.ts';
import { Event, EventPage, EventQuery, History, IdParams, NoQuery } from '../schemas.ts';
import { eventId, ownEventId } from './event-id.ts';

const LIMIT_DEFAULT = 50;
/** Together with the searches fewer than the connections for reads. */
const LISTS_MAX = 4;
const LISTS_WAITING_MAX = 200;
const SEARCHES_MAX = 2;
const SEARCHES_WAITING_MAX = 4;
/** They know the caller's scopes. */
const config = { scoped: true } as const;

export function eventRoutes(app: Api, core: ApiCore): void {
  readRoutes(app, core);
  personRoutes(app, core);
}

function readRoutes(app: Api, core: ApiCore): void {
  // A search may take seconds, and everybody's reads share one pool.
  const lists = createTurns(LISTS_MAX, LISTS_WAITING_MAX, 'lists at once');
  const searches = createTurns(SEARCHES_MAX, SEARCHES_WAITING_MAX, 'searches at once');
  app.get(
    '/v1/events',
    {
      config: { ...config, costly: ({ q, payload, retrying }) => Boolean(q ?? payload ?? retrying) },
      schema: {
        operationId: 'listEvents',
        tags: ['events'],
        summary: 'List events, newest first',
        description:
          'A page may hold fewer events than `limit` when they are large (16 MiB end it); only a `nextCursor` of null ends the list.',
        querystring: EventQuery,
        response: { 200: EventPage, ...problems(400) },
      },
    },
    async (request) => {
      const { query } = request;
      const { q, key, payload } = query;
      refuseByValue(request, { q, key, payload });
      const before = query.cursor === undefined ? undefined : readCursor(query.cursor);
      if (query.cursor !== undefined && before === undefined) {
        throw new Problem(400, 'invalid_cursor', 'is not a cursor of this list', { path: '/cursor' });
      }
      await core.directory.fresh();
      const filter = confine(filterOf(query, core, ''), rightsOf(request)?.scopes);
      if (!filter) return { events: [], nextCursor: null };
      const list = () => listEvents(core.pool, filter, query.limit ?? LIMIT_DEFAULT, before);
      const page = await (isSlow(filter) ? searches(list).catch(tooBroad) : lists(list));
      const held = await whyWaiting(
        core.pool,
        page.rows.filter(isHeldUp).map(({ id }) => id),
      );
      const last = page.rows.at(-1);
      return {
        events: page.rows.map((row) => shownTo(request, presentEvent(row, core.directory, held.get(row.id)))),
        nextCursor: page.more && last ? writeCursor(last.id) : null,
      };
    },
  );

  app.get(
    '/v1/events/:id',
    {
      config,
      schema: {
        operationId: 'getEvent',
        tags: ['events'],
        summary: 'One event',
        params: IdParams,
        querystring: NoQuery,
        response: { 200: Event, ...problems(404) },
      },
    },
    (request) => present(core, request, eventId(request.params.id)),
  );

  app.get(
    '/v1/events/:id/history',
    {
      config,
      schema: {
        operationId: 'getEventHistory',
        tags: ['events'],
        summary: 'Every change of state, oldest first',
        params: IdParams,
        querystring: NoQuery,
        response: { 200: History, ...problems(404) },
      },
    },
    async (request) => {
      const id = await ownEventId(core, request, request.params.id);
      const transitions = await eventHistory(core.pool, id);
      if (!transitions) throw notFound('the event');
      return { transitions: transitions.map((entry) => hiddenError(request, entry)) };
    },
  );
}

function personRoutes(app: Api, core: ApiCore): void {
  app.post(
    '/v1/events/:id/retry',
    {
      config: { ...config, keepsText: true },
      schema: {
        operationId: 'retryEvent',
        tags: ['events'],
        summary: 'Try a FAILED event now, or revive an EXTINCT one',
        description:
          'Without a body as it is. `payload` takes the place of its payload, with all its digits; the old one is kept beside it. Where it holds the mask of a secret, that secret stays.',
        params: IdParams,
        querystring: NoQuery,
        response: { 202: Event, ...problems(400, 404, 409, 413, 415) },
      },
    },
    async (request, reply) => {
      const id = await ownEventId(core, request, request.params.id);
      const payload = await editedPayload(core, id, request.body, request.bodyText);
      const action = payload === undefined ? 'event.retry' : 'event.edit';
      const retry = (client: PoolClient, event: string, actor: string) => retryEvent(client, event, actor, payload);
      settle(await byPerson(core, request, action, id, retry), retryConflict);
      return reply.code(202).send(await present(core, request, id));
    },
  );

  app.post(
    '/v1/events/:id/cancel',
    {
      config,
      schema: {
        operationId: 'cancelEvent',
        tags: ['events'],
        summary: 'Cancel an event that has not ended',
        params: IdParams,
        description: 'An attempt under way is asked to stop; when it commits first, the event still ends PROCESSED.',
        querystring: NoQuery,
        response: { 202: Event, ...problems(404, 409) },
      },
    },
    async (request, reply) => {
      refuseBody(request.body);
      const id = await ownEventId(core, request, request.params.id);
      settle(
        await byPerson(core, request, 'event.cancel', id, cancelEvent),
        ({ state }) => `the event has ended: it is ${state}`,
      );
      return reply.code(202).send(await present(core, request, id));
    },
  );
}

/** With its row in the audit when it changed something. */
function byPerson(
  { pool }: ApiCore,
  request: FastifyRequest,
  action: string,
  id: string,
  change: (client: PoolClient, id: string, actor: string) => Promise<PersonAnswer>,
): Promise<PersonAnswer> {
  const actor = actorOf(request);
  return audited(pool, actor, async (client, audit) => {
    const answer = await change(client, id, actor);
    const { outcome, from, state } = answer;
    if (outcome === 'done') await audit({ action, target: id, before: { state: from }, after: { state } });
    return answer;
  });
}

async function present(core: ApiCore, request: FastifyRequest, id: string): Promise<EventJson> {
  const row = await getEvent(core.pool, id);
  if (!row || !isOwn(request, row)) throw notFound('the event');
  await core.directory.fresh();
  const held = isHeldUp(row) ? await whyWaiting(core.pool, [id]) : undefined;
  const event = presentEvent(row, core.directory, held?.get(id));
  if (!row.edited || !seesPayloads(request)) return shownTo(request, event);
  return { ...event, previousPayloads: await previousPayloads(core.pool, core.directory, row) };
}

function settle(answer: PersonAnswer, conflict: (answer: PersonAnswer) => string): void {
  if (answer.outcome === 'missing') throw notFound('the event');
  if (answer.outcome === 'conflict')
    throw new Problem(409, 'state_conflict', conflict(answer), { state: answer.state });
}

function retryConflict({ state, why }: PersonAnswer): string {
  if (why === 'pruned') return `the event is ${state}, and its payload is gone after the retention time`;
  if (why === 'compensating')
    return 'the compensation of the event has not ended; when it has, an EXTINCT event can be retried';
  return `only a FAILED or EXTINCT event can be retried; this one is ${state}`;
}

export function tooBroad(error: unknown): never {
  if (error instanceof SearchTooBroad) {
    throw new Problem(400, 'search_too_broad', 'the search took too long; narrow it by state, type, from or to', {
      path: '/q',
    });
  }
  throw error;
}
