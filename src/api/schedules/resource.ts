// The rows: create, list, read, change, remove.

import { Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { SCHEDULE_ID } from '../../core/schedules/definition.ts';
import { as, deleteSchedule, insertSchedule, listSchedules, updateSchedule } from '../../core/schedules/store.ts';
import { liveSchedule } from '../../core/schedules/temporal/live.ts';
import type { Api } from '../api.ts';
import { actorOf } from '../auth.ts';
import { IdParams, NoQuery } from '../schemas.ts';
import {
  definitionOf,
  etagOf,
  found,
  present,
  readCursor,
  refusalOf,
  scheduleId,
  sendSchedule,
  settleWritten,
  wantedRevision,
  writeCursor,
} from './conventions.ts';
import type { ScheduleRoutes } from './index.ts';
import { ChangedSchedule, NewSchedule, ScheduleAnswer, SchedulePage, ScheduleQuery } from './schemas.ts';

const LIMIT_DEFAULT = 50;
const tags = ['schedules'];

export function resourceRoutes(app: Api, core: ScheduleRoutes): void {
  readRoutes(app, core);
  createRoute(app, core);
  changeRoute(app, core);
  removeRoute(app, core);
}

function readRoutes(app: Api, core: ScheduleRoutes): void {
  app.get(
    '/v1/schedules',
    {
      schema: {
        operationId: 'listSchedules',
        tags,
        summary: 'List schedules, in order of their ids',
        querystring: ScheduleQuery,
        response: { 200: SchedulePage, ...problems(400) },
      },
    },
    async (request) => {
      const { query } = request;
      const [after = ''] = query.cursor === undefined ? [] : readCursor(query.cursor, 1);
      const filter = { ...(query.origin && { origin: query.origin }), ...(query.type && { type: query.type }) };
      const { rows, more } = await listSchedules(core.pool, filter, query.limit ?? LIMIT_DEFAULT, after);
      await core.directory.fresh();
      const last = rows.at(-1);
      return {
        schedules: rows.map((row) => present(core, request, row)),
        nextCursor: more && last ? writeCursor(last.id) : null,
      };
    },
  );

  app.get(
    '/v1/schedules/:id',
    {
      schema: {
        operationId: 'getSchedule',
        tags,
        summary: 'One schedule; asks Temporal, so that a change made there shows at once',
        params: IdParams,
        querystring: NoQuery,
        response: { 200: ScheduleAnswer, ...problems(404) },
      },
    },
    async (request, reply) => {
      const row = await found(core, scheduleId(request.params.id));
      const [live] = await Promise.all([liveSchedule(core.pool, core.temporal, row), core.directory.fresh()]);
      return reply.header('etag', etagOf(row)).send(present(core, request, live));
    },
  );
}

function createRoute(app: Api, core: ScheduleRoutes): void {
  app.post(
    '/v1/schedules',
    {
      schema: {
        operationId: 'createSchedule',
        tags,
        summary: 'Create a schedule',
        body: NewSchedule,
        querystring: NoQuery,
        response: { 201: ScheduleAnswer, ...problems(400, 409) },
      },
    },
    async (request, reply) => {
      const { id, ...input } = request.body;
      if (!SCHEDULE_ID.test(id)) {
        throw new Problem(
          400,
          'invalid_field',
          'must begin with a letter or digit and hold only letters, digits, dot, underscore and hyphen (at most 128)',
          { path: '/id' },
        );
      }
      const definition = await definitionOf(core, input, id);
      if (definition.endAt && definition.endAt.getTime() <= Date.now()) {
        throw new Problem(400, 'invalid_schedule', 'has passed: it can never fire', { path: '/endAt' });
      }
      const isNew = await as(core.pool, actorOf(request), (client) => insertSchedule(client, id, definition)).catch(
        refuse,
      );
      if (!isNew)
        throw new Problem(409, 'schedule_exists', 'a schedule of this id exists: change it with PUT', { path: '/id' });
      return sendSchedule(core, reply, 201, id);
    },
  );
}

function changeRoute(app: Api, core: ScheduleRoutes): void {
  app.put(
    '/v1/schedules/:id',
    {
      schema: {
        operationId: 'changeSchedule',
        tags,
        summary: 'Change a schedule as a whole; with If-Match only when nobody has changed it since',
        params: IdParams,
        body: ChangedSchedule,
        querystring: NoQuery,
        response: { 200: ScheduleAnswer, ...problems(400, 404, 409, 412) },
      },
    },
    async (request, reply) => {
      const id = scheduleId(request.params.id);
      const { id: named, ...input } = request.body;
      if (named !== undefined && named !== id) {
        throw new Problem(400, 'invalid_field', 'must be the id of the URL: an id is never changed', { path: '/id' });
      }
      const before = await found(core, id);
      const definition = await definitionOf(core, input, id, before);
      if (before.action !== 'event')
        throw new Problem(409, 'defined_in_code', "is TEM's own work: pause it, or set TEM_RECONCILE_EVERY");
      if (before.origin === 'code' && before.type !== definition.type) {
        throw new Problem(409, 'defined_in_code', `its type is ${before.type}, as the code that declares it says`, {
          path: '/type',
        });
      }
      const revision = wantedRevision(request);
      settleWritten(
        await as(core.pool, actorOf(request), (client) => updateSchedule(client, id, definition, revision)).catch(
          refuse,
        ),
      );
      return sendSchedule(core, reply, 200, id);
    },
  );
}

function removeRoute(app: Api, core: ScheduleRoutes): void {
  app.delete(
    '/v1/schedules/:id',
    {
      schema: {
        operationId: 'removeSchedule',
        tags,
        summary: 'Remove a schedule; its events stay',
        params: IdParams,
        querystring: NoQuery,
        response: { 204: { type: 'null', description: 'Removed.' }, ...problems(404, 409, 412) },
      },
    },
    async (request, reply) => {
      refuseBody(request.body);
      const id = scheduleId(request.params.id);
      const before = await found(core, id);
      if (before.origin === 'code') {
        throw new Problem(
          409,
          'defined_in_code',
          'is declared by code and would come back: pause it, or remove it from the code',
        );
      }
      settleWritten(
        await as(core.pool, actorOf(request), (client) => deleteSchedule(client, id, wantedRevision(request))),
      );
      return reply.code(204).send(null);
    },
  );
}

function refuse(error: unknown): never {
  throw refusalOf(error) ?? error;
}
