// What came of a schedule: its runs, and who changed what.

import { notFound, problems } from '../../core/http/problem.ts';
import { instant } from '../../core/ledger/present.ts';
import { listChanges } from '../../core/schedules/changes.ts';
import { lookAt } from '../../core/schedules/look.ts';
import { listRuns } from '../../core/schedules/runs.ts';
import type { Api } from '../api.ts';
import { IdParams } from '../schemas.ts';
import { found, readCursor, scheduleId, timeOf, writeCursor } from './conventions.ts';
import type { ScheduleRoutes } from './index.ts';
import { HistoryAnswer, HistoryQuery, RunPage, RunQuery } from './schemas.ts';

const LIMIT_DEFAULT = 50;
const tags = ['schedules'];

export function runRoutes(app: Api, core: ScheduleRoutes): void {
  app.get(
    '/v1/schedules/:id/runs',
    {
      schema: {
        operationId: 'listScheduleRuns',
        tags,
        summary: 'Every nominal time and what became of it, newest first',
        params: IdParams,
        querystring: RunQuery,
        response: { 200: RunPage, ...problems(400, 404) },
      },
    },
    async ({ params, query }) => {
      const row = await found(core, scheduleId(params.id));
      // A paused schedule's times are written down now and then; who asks sees all of them.
      if (row.paused) await lookAt(core.pool, [row.id]);
      const [at, slot = ''] = query.cursor === undefined ? [] : readCursor(query.cursor, 2);
      const filter = {
        ...(query.from !== undefined && { from: timeOf('from', query.from) }),
        ...(query.to !== undefined && { to: timeOf('to', query.to) }),
      };
      const after = at === undefined ? undefined : { at: timeOf('cursor', at), slot };
      const { runs, next } = await listRuns(core.pool, row.id, filter, query.limit ?? LIMIT_DEFAULT, after);
      return { runs, nextCursor: next ? writeCursor(next.at.toISOString(), next.slot) : null };
    },
  );

  app.get(
    '/v1/schedules/:id/history',
    {
      schema: {
        operationId: 'listScheduleChanges',
        tags,
        summary: 'Who changed what, newest first; also of a schedule that was removed',
        params: IdParams,
        querystring: HistoryQuery,
        response: { 200: HistoryAnswer, ...problems(400, 404) },
      },
    },
    async ({ params, query }) => {
      const id = scheduleId(params.id);
      const [before] = query.cursor === undefined ? [] : readCursor(query.cursor, 1);
      const { changes, next } = await listChanges(core.pool, id, query.limit ?? LIMIT_DEFAULT, before);
      if (changes.length === 0 && before === undefined) throw notFound('the schedule');
      return {
        changes: changes.map((change) => ({ ...change, at: instant(change.at) })),
        nextCursor: next === undefined ? null : writeCursor(next),
      };
    },
  );
}
