// Redrives and batch cancels: what a filter or a selection found, frozen at one moment and worked off by a worker.

import { type Static, Type } from 'typebox';
import { writeAudit } from '../../core/audit.ts';
import { notFound, Problem, problems, refuseBody } from '../../core/http/problem.ts';
import { readCursor, writeCursor } from '../../core/ledger/cursor.ts';
import { inTransaction } from '../../core/ledger/in-transaction.ts';
import {
  getJob,
  type Job,
  listJobEvents,
  listJobs,
  type Steering,
  skippedBecause,
  steerJob,
} from '../../core/redrive/job.ts';
import { undoJob } from '../../core/redrive/undo.ts';
import type { Api, ApiCore } from '../api.ts';
import { actorOf } from '../auth.ts';
import { IdParams, NoQuery } from '../schemas.ts';

const LIMIT_DEFAULT = 50;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const closed = { additionalProperties: false } as const;
const nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
const Outcome = Type.String({ enum: ['begun', 'retrying', 'processed', 'failed', 'cancelled', 'skipped', 'undone'] });

export const JobAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  action: Type.String({ enum: ['retry', 'cancel'] }),
  filter: Type.Record(Type.String(), Type.Unknown()),
  state: Type.String({ enum: ['running', 'paused', 'stopped', 'cancelled', 'done'] }),
  ratePerSecond: Type.Number(),
  canary: nullable(Type.Object({ count: Type.Integer(), maxFailedPercent: Type.Number() })),
  matches: Type.Integer({ description: 'Events in its set, which nothing joins later.' }),
  done: Type.Integer({ description: 'Of them: begun, or passed over.' }),
  skipped: Type.Integer({ description: 'Passed over, because something else had happened to them.' }),
  processed: Type.Integer({ description: 'Ended PROCESSED.' }),
  failed: Type.Integer({ description: 'Failed again.' }),
  cancelled: Type.Integer(),
  undone: Type.Integer(),
  reason: nullable(Type.String({ description: 'Why it was stopped.' })),
  createdBy: Type.String(),
  createdAt: Time,
  updatedAt: Time,
  endedAt: nullable(Time),
  skippedBecause: Type.Optional(Type.Array(Type.Object({ why: Type.String(), count: Type.Integer() }))),
});
const JobPage = Type.Object({ redrives: Type.Array(JobAnswer), nextCursor: nullable(Type.String()) });
const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ maxLength: 100, description: 'nextCursor of the page before.' })),
  },
  closed,
);
const JobEventQuery = Type.Object(
  {
    outcome: Type.Optional(Outcome),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$' })),
  },
  closed,
);
const JobEvents = Type.Object({
  events: Type.Array(
    Type.Object({
      event: Type.String({ format: 'uuid' }),
      fromState: Type.String({ description: 'Its state when the set was frozen.' }),
      outcome: nullable(Outcome),
      why: nullable(Type.String({ description: 'Why it was passed over.' })),
    }),
  ),
  nextCursor: nullable(Type.String()),
});

export function redriveRoutes(app: Api, core: ApiCore): void {
  readRoutes(app, core);
  steerRoutes(app, core);
}

function readRoutes(app: Api, core: ApiCore): void {
  const tags = ['redrives'];
  app.get(
    '/v1/redrives',
    {
      schema: {
        operationId: 'listRedrives',
        tags,
        summary: 'Redrives and batch cancels, newest first',
        querystring: ListQuery,
        response: { 200: JobPage, ...problems(400) },
      },
    },
    async ({ query }) => {
      const before = query.cursor === undefined ? undefined : readCursor(query.cursor);
      if (query.cursor !== undefined && before === undefined)
        throw new Problem(400, 'invalid_cursor', 'is not a cursor of this list', { path: '/cursor' });
      const { jobs, more } = await listJobs(core.pool, query.limit ?? LIMIT_DEFAULT, before);
      const last = jobs.at(-1);
      return { redrives: jobs, nextCursor: more && last ? writeCursor(last.id) : null };
    },
  );
  app.get(
    '/v1/redrives/:id',
    {
      schema: {
        operationId: 'getRedrive',
        tags,
        summary: 'One of them',
        params: IdParams,
        querystring: NoQuery,
        response: { 200: JobAnswer, ...problems(404) },
      },
    },
    async ({ params }) => {
      const job = await getJob(core.pool, jobId(params.id));
      if (!job) throw notFound('the redrive');
      return { ...job, ...(job.skipped > 0 && { skippedBecause: await skippedBecause(core.pool, job.id) }) };
    },
  );
  app.get(
    '/v1/redrives/:id/events',
    {
      schema: {
        operationId: 'listRedriveEvents',
        tags,
        summary: 'The events of its set, in the order of their turns, and what became of each',
        params: IdParams,
        querystring: JobEventQuery,
        response: { 200: JobEvents, ...problems(400, 404) },
      },
    },
    async ({ params, query }) => {
      const id = jobId(params.id);
      if (!(await getJob(core.pool, id))) throw notFound('the redrive');
      const { outcome, cursor = '0', limit = LIMIT_DEFAULT } = query as Static<typeof JobEventQuery>;
      const events = await listJobEvents(core.pool, id, {
        ...(outcome !== undefined && { outcome }),
        after: Number(cursor),
        limit,
      });
      const last = events.at(-1);
      return {
        events: events.map(({ n: _n, ...event }) => event),
        nextCursor: events.length === limit && last ? String(last.n) : null,
      };
    },
  );
}

function steerRoutes(app: Api, core: ApiCore): void {
  const STEERING: [Steering, string, string][] = [
    ['pause', '/v1/redrives/:id/pause', 'Begin no more of its events until it is resumed'],
    ['resume', '/v1/redrives/:id/resume', 'Go on; one that its canary has stopped goes on without it'],
    ['cancel', '/v1/redrives/:id/cancel', 'End it; what it has begun stays begun'],
  ];
  for (const [how, path, summary] of STEERING) {
    app.post(
      path,
      {
        schema: {
          operationId: `${how}Redrive`,
          tags: ['redrives'],
          summary,
          params: IdParams,
          querystring: NoQuery,
          response: { 200: JobAnswer, ...problems(400, 404, 409) },
        },
      },
      async (request) => {
        refuseBody(request.body);
        const id = jobId((request.params as { id: string }).id);
        const actor = actorOf(request);
        const answer = await inTransaction(core.pool, async (client) => {
          const job = await steerJob(client, id, how);
          if (typeof job === 'object')
            await writeAudit(client, { actor, action: `redrive.${how}`, target: id, after: { state: job.state } });
          return job;
        });
        if (answer === undefined) throw notFound('the redrive');
        if (typeof answer === 'string')
          throw new Problem(409, 'state_conflict', `the redrive is ${answer}`, { state: answer });
        return answer;
      },
    );
  }
  app.post(
    '/v1/redrives/:id/undo',
    {
      schema: {
        operationId: 'undoRedrive',
        tags: ['redrives'],
        summary: 'End it, and make what it revived and has not begun yet what it was before',
        description:
          'What has begun may have done something and stays; `kept` says how many those are. A batch cancel can not be undone.',
        params: IdParams,
        querystring: NoQuery,
        response: {
          200: Type.Object({ ...JobAnswer.properties, kept: Type.Integer() }),
          ...problems(400, 404, 409),
        },
      },
    },
    async (request) => {
      refuseBody(request.body);
      const id = jobId(request.params.id);
      const actor = actorOf(request);
      const undone = await inTransaction(core.pool, async (client) => {
        const answer = await undoJob(client, id, actor);
        if (typeof answer === 'object')
          await writeAudit(client, { actor, action: 'redrive.undo', target: id, after: { undone: answer.undone } });
        return answer;
      });
      if (!undone) throw notFound('the redrive');
      if (undone === 'cancel')
        throw new Problem(
          409,
          'not_undoable',
          'what is cancelled stays cancelled; POST .../cancel ends the rest of it',
        );
      const { job, kept }: { job: Job; kept: number } = undone;
      return { ...job, kept };
    },
  );
}

function jobId(text: string): string {
  if (!UUID.test(text)) throw notFound('the redrive');
  return text.toLowerCase();
}
