// The workers over HTTP: who lives and what they do, draining or ending one, and what an autoscaler reads.

import { Type } from 'typebox';
import { HIDDEN, seesPayloads } from '../../core/access/confine.ts';
import { actorOf } from '../../core/access/principal.ts';
import { audited } from '../../core/audit.ts';
import { notFound, problems, refuseBody } from '../../core/http/problem.ts';
import { readScaling } from '../../core/ledger/scaling.ts';
import { activeEvents, listWorkers, steerWorker } from '../../core/ledger/workers.ts';
import type { Api, ApiCore } from '../api.ts';
import { IdParams, NoQuery } from '../schemas.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const closed = { additionalProperties: false } as const;
const nullableText = Type.Union([Type.String(), Type.Null()]);
const Worker = Type.Object({
  id: Type.String({ format: 'uuid' }),
  host: Type.String(),
  pid: Type.Integer(),
  state: Type.String({ enum: ['running', 'draining', 'stopping', 'gone'] }),
  startedAt: Type.String({ format: 'date-time' }),
  leaseUntil: Type.String({ format: 'date-time' }),
  taskQueue: Type.String(),
  types: Type.Array(Type.String()),
  active: Type.Integer({ description: 'Attempts under way.' }),
  counters: Type.Record(Type.String(), Type.Number(), { description: 'What its relay has done since it started.' }),
});
const Workers = Type.Object({ workers: Type.Array(Worker), nextCursor: Type.Null() });
const Active = Type.Object({
  events: Type.Array(
    Type.Object({
      worker: Type.String(),
      id: Type.String(),
      type: Type.String(),
      key: Type.String(),
      group: nullableText,
      attempt: Type.Integer(),
      since: Type.String({ format: 'date-time' }),
    }),
  ),
  nextCursor: Type.Null(),
});
const figures = {
  backlog: Type.Integer({
    description: 'Events that are due and that nobody has claimed; at most 100,000 are counted.',
  }),
  oldestAgeSeconds: Type.Number(),
  acceptedPerSecond: Type.Number({ description: 'Over the last minute.' }),
  drainPerSecond: Type.Number({ description: 'Processed, over the last minute.' }),
  active: Type.Integer(),
  workers: Type.Integer(),
  wantedWorkers: Type.Integer({ description: 'That would have the backlog gone within a minute, as flows allow.' }),
};
const Kind = Type.Object({ kind: Type.String(), ...figures });
const Scaling = Type.Object({ ...figures, kinds: Type.Array(Kind) });

export function workerRoutes(app: Api, core: ApiCore): void {
  app.get(
    '/v1/workers',
    {
      schema: {
        operationId: 'listWorkers',
        tags: ['operation'],
        summary: 'The workers: those that live, and those that left within the last hour',
        querystring: NoQuery,
        response: { 200: Workers, ...problems() },
      },
    },
    async () => ({ workers: await listWorkers(core.pool), nextCursor: null }),
  );
  app.get(
    '/v1/workers/active',
    {
      schema: {
        operationId: 'listActive',
        tags: ['operation'],
        summary: 'What the workers run now, longest first',
        querystring: Type.Object({ worker: Type.Optional(Type.String({ format: 'uuid' })) }, closed),
        response: { 200: Active, ...problems(400) },
      },
    },
    async (request) => {
      const events = await activeEvents(core.pool, request.query.worker);
      const shown = seesPayloads(request);
      return { events: events.map((event) => (shown ? event : { ...event, key: HIDDEN })), nextCursor: null };
    },
  );
  steerRoutes(app, core);
  app.get(
    '/v1/scaling',
    {
      schema: {
        operationId: 'getScaling',
        tags: ['operation'],
        summary: 'Backlog, age, drain rate and wanted workers by kind of work',
        description:
          "The kinds are the event types. At the top stand the sums, or with `kind` that one's figures, so that KEDA's metrics-api scaler reads `wantedWorkers` or `backlog` as its valueLocation.",
        querystring: Type.Object({ kind: Type.Optional(Type.String({ maxLength: 128 })) }, closed),
        response: { 200: Scaling, ...problems(400) },
      },
    },
    async ({ query }) => {
      const kinds = await readScaling(core.pool, query.kind);
      const sum = (figure: Exclude<keyof (typeof kinds)[number], 'kind'>): number =>
        kinds.reduce((total, each) => total + each[figure], 0);
      const most = (figure: 'oldestAgeSeconds' | 'workers' | 'wantedWorkers'): number =>
        Math.max(0, ...kinds.map((each) => each[figure]));
      return {
        backlog: sum('backlog'),
        oldestAgeSeconds: most('oldestAgeSeconds'),
        acceptedPerSecond: sum('acceptedPerSecond'),
        drainPerSecond: sum('drainPerSecond'),
        active: sum('active'),
        // A worker runs many kinds.
        workers: most('workers'),
        wantedWorkers: most('wantedWorkers'),
        kinds,
      };
    },
  );
}

function steerRoutes(app: Api, core: ApiCore): void {
  for (const [verb, wanted, summary] of [
    ['drain', 'drain', 'Let a worker claim nothing more; what it has goes on, and it lives on'],
    ['resume', null, 'Let a drained worker claim again'],
    ['shutdown', 'shutdown', 'End a worker as SIGTERM does: its attempts finish or are handed back'],
  ] as const) {
    app.post(
      `/v1/workers/:id/${verb}`,
      {
        schema: {
          operationId: `${verb}Worker`,
          tags: ['operation'],
          summary,
          params: IdParams,
          querystring: NoQuery,
          response: { 202: Type.Object({ id: Type.String() }), ...problems(400, 404) },
        },
      },
      async (request, reply) => {
        refuseBody(request.body);
        const { id } = request.params;
        if (!UUID.test(id)) throw notFound('a live worker with this id');
        await audited(core.pool, actorOf(request), async (client, audit) => {
          if (!(await steerWorker(client, id, wanted))) throw notFound('a live worker with this id');
          await audit({ action: `worker.${verb}`, target: id });
        });
        return reply.code(202).send({ id });
      },
    );
  }
}
