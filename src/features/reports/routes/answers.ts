// What the calls of reports have in common: their tags, pages and refusals.

import { Type } from 'typebox';
import { problem } from '../../../core/http/problem.ts';
import { ReportId } from '../messages.ts';
import { ReportRefused } from '../parameters.ts';
import { QueryFailed } from '../sources/source.ts';

export const TAGS = ['reports'];
export const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;

export const NoQuery = Type.Object({}, { additionalProperties: false });
export const Page = Type.Object(
  {
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT })),
  },
  { additionalProperties: false },
);
export const Params = Type.Object({ id: ReportId });

/** Runs it, with refusals as the problems that they are. */
export async function answered<Answer>(run: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ReportRefused) throw problem(400, 'invalid_field', error.message, { path: error.path });
    if (error instanceof QueryFailed) throw problem(400, 'report_query_failed', error.message, { path: '/sql' });
    throw error;
  }
}
