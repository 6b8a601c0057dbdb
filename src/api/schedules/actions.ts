// What a person does with a schedule: pause, resume, trigger, backfill; and the preview of one that isn't there yet.

import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { notFound, Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { backfill } from '../../core/schedules/backfill.ts';
import { rhythmOf } from '../../core/schedules/definition.ts';
import { triggerSchedule } from '../../core/schedules/fire.ts';
import { as, pauseSchedule } from '../../core/schedules/store.ts';
import { preview } from '../../core/schedules/words.ts';
import type { Api } from '../api.ts';
import { actorOf } from '../auth.ts';
import { IdParams, NoQuery } from '../schemas.ts';
import {
  found,
  refusalOf,
  refusing,
  scheduleId,
  sendSchedule,
  settleWritten,
  timeOf,
  wantedRevision,
} from './conventions.ts';
import type { ScheduleRoutes } from './index.ts';
import { BackfillBody, PauseBody, PreviewAnswer, PreviewBody, ScheduleAnswer } from './schemas.ts';

const PREVIEW_COUNT = 10;
const tags = ['schedules'];

export function actionRoutes(app: Api, core: ScheduleRoutes): void {
  pauseRoutes(app, core);
  firingRoutes(app, core);
  previewRoute(app);
}

function pauseRoutes(app: Api, core: ScheduleRoutes): void {
  for (const [verb, operationId, paused, summary] of [
    ['pause', 'pauseSchedule', true, 'Pause; its times are listed as paused'],
    ['resume', 'resumeSchedule', false, 'Resume; nothing is made up for'],
  ] as const) {
    app.post(
      `/v1/schedules/:id/${verb}`,
      {
        schema: {
          operationId,
          tags,
          summary,
          params: IdParams,
          body: Type.Union([PauseBody, Type.Null()]),
          querystring: NoQuery,
          response: { 200: ScheduleAnswer, ...problems(400, 404, 412) },
        },
      },
      async (request, reply) => {
        const id = scheduleId(request.params.id);
        const pause = { paused, note: request.body?.note ?? null };
        const revision = wantedRevision(request);
        settleWritten(
          await as(core.pool, actorOf(request), (client) => pauseSchedule(client, id, pause, revision)).catch(
            (error) => {
              throw refusalOf(error) ?? error;
            },
          ),
        );
        return sendSchedule(core, reply, 200, id);
      },
    );
  }
}

function firingRoutes(app: Api, core: ScheduleRoutes): void {
  app.post(
    '/v1/schedules/:id/trigger',
    {
      schema: {
        operationId: 'triggerSchedule',
        tags,
        summary: 'Fire now, also while it is paused or its last event runs',
        params: IdParams,
        querystring: NoQuery,
        response: { 202: Type.Object({ event: Type.String({ format: 'uuid' }) }), ...problems(404, 409) },
      },
    },
    async (request, reply) => {
      refuseBody(request.body);
      const id = scheduleId(request.params.id);
      const row = await found(core, id);
      if (row.action !== 'event') throw new Problem(409, 'defined_in_code', "is TEM's own work, and makes no event");
      const run = await triggerSchedule(core.pool, id, { id: randomUUID(), actor: actorOf(request) });
      if (!run?.event) throw notFound('the schedule');
      return reply.code(202).send({ event: run.event });
    },
  );

  app.post(
    '/v1/schedules/:id/backfill',
    {
      schema: {
        operationId: 'backfillSchedule',
        tags,
        summary: 'Make up for nominal times of the past that have no firing, both ends included',
        params: IdParams,
        body: BackfillBody,
        querystring: NoQuery,
        response: {
          200: Type.Object({
            nominal: Type.Integer(),
            fired: Type.Integer(),
            already: Type.Integer(),
            events: Type.Array(Type.String({ format: 'uuid' })),
          }),
          ...problems(400, 404),
        },
      },
    },
    async (request) => {
      const id = scheduleId(request.params.id);
      const { from, to, rerun = false } = request.body;
      const asked = { from: timeOf('from', from), to: timeOf('to', to), rerun, actor: actorOf(request) };
      const done = await backfill(core.pool, id, asked).catch((error) => {
        throw refusalOf(error) ?? error;
      });
      if (!done) throw notFound('the schedule');
      return done;
    },
  );
}

function previewRoute(app: Api): void {
  app.post(
    '/v1/schedules/preview',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'previewSchedule',
        tags,
        summary: 'When a schedule would fire, with the wall clock, and in words',
        body: PreviewBody,
        querystring: NoQuery,
        response: { 200: PreviewAnswer, ...problems(400) },
      },
    },
    ({ body }) => {
      const rhythm = { ...refusing(() => rhythmOf(body)), startAt: null, endAt: null };
      const from = body.from === undefined ? Date.now() : timeOf('from', body.from).getTime();
      return preview(rhythm, from, body.count ?? PREVIEW_COUNT);
    },
  );
}
