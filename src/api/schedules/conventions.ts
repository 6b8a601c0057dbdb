// The conventions of the schedule routes: ids, ETags, cursors, refusals, and the answer of one schedule.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { HIDDEN, seesPayloads } from '../../core/access/confine.ts';
import { notFound, Problem } from '../../core/http/problem.ts';
import { BackfillRefused } from '../../core/schedules/backfill.ts';
import {
  type Definition,
  define,
  SCHEDULE_ID,
  type ScheduleInput,
  ScheduleRefused,
} from '../../core/schedules/definition.ts';
import { presentSchedule, type ScheduleJson } from '../../core/schedules/present.ts';
import { calendarFor } from '../../core/schedules/schedule.ts';
import { getSchedule, type StoredSchedule, type Written } from '../../core/schedules/store.ts';
import { fillPayload, unknownTemplate } from '../../core/schedules/templates.ts';
import { maskSecrets, restoreSecrets, SECRET_MASK } from '../../core/secret-fields.ts';
import type { ApiCore } from '../api.ts';
import { isRefusal } from '../incoming.ts';

const SQL_REFUSED = 'TM400';

export function scheduleId(text: string): string {
  if (!SCHEDULE_ID.test(text)) throw notFound('the schedule');
  return text;
}

export function etagOf(row: { revision: number }): string {
  return `"${row.revision}"`;
}

/** The revision that If-Match asks for; undefined without one. */
export function wantedRevision(request: FastifyRequest): number | undefined {
  const header = request.headers['if-match'];
  if (header === undefined || header.trim() === '*') return undefined;
  const revision = /^"(\d{1,15})"$/.exec(header.trim())?.[1];
  // Anything else is no ETag of ours, and matches nothing.
  return revision === undefined ? -1 : Number(revision);
}

/** Throws what is wrong with a write. */
export function settleWritten(written: Written): void {
  if (written === 'missing') throw notFound('the schedule');
  if (written === 'changed') {
    throw new Problem(412, 'schedule_changed', 'the schedule was changed since the ETag of If-Match: read it again');
  }
}

/**
 * The definition that a body says, with its payload checked as of an event that it will make. A secret of `before`, the row
 * as it is, that was answered as a mask and comes back as one stays as it is. Throws Problems.
 */
export async function definitionOf(
  core: ApiCore,
  input: ScheduleInput,
  id: string,
  before?: StoredSchedule,
): Promise<Definition> {
  const definition = refusing(() => define(input));
  if (definition.payload === HIDDEN) {
    throw new Problem(400, 'invalid_payload', `${HIDDEN} stands for what you may not see`, { path: '/payload' });
  }
  const template = unknownTemplate(definition.payload);
  if (template !== undefined) throw new Problem(400, 'invalid_schedule', template, { path: '/payload' });
  const payload = await withSecrets(core, definition, before);
  const calendar = calendarFor(definition);
  const sample = calendar.next(Date.now())?.at ?? Date.now();
  const event = { type: definition.type, payload: fillPayload(payload, id, calendar, sample) };
  const prepared = await core.incoming.prepare(event);
  if (isRefusal(prepared)) throw new Problem(400, prepared.code, prepared.detail, { path: prepared.path });
  return { ...definition, payload };
}

async function withSecrets(
  core: ApiCore,
  { type, payload }: Definition,
  before: StoredSchedule | undefined,
): Promise<unknown> {
  if (!JSON.stringify(payload).includes(SECRET_MASK)) return payload;
  await core.directory.fresh();
  const schema = core.directory.get(type)?.description?.schema;
  const restored = restoreSecrets(schema, payload, before?.type === type ? before.payload : undefined);
  if (restored) return restored.value;
  throw new Problem(
    400,
    'invalid_payload',
    `holds ${SECRET_MASK}, which stands for a secret in answers and for none here: write the secret itself`,
    { path: '/payload' },
  );
}

export function refusing<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw refusalOf(error) ?? error;
  }
}

/** The Problem of a refusal of the core or of the ledger's own checks; undefined for everything else. */
export function refusalOf(error: unknown): Problem | undefined {
  if (error instanceof ScheduleRefused || error instanceof BackfillRefused) {
    return new Problem(400, 'invalid_schedule', error.message, { path: error.path });
  }
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === SQL_REFUSED ? new Problem(400, 'invalid_schedule', String(message), { path: '' }) : undefined;
}

export async function found(core: ApiCore, id: string): Promise<StoredSchedule> {
  const row = await getSchedule(core.pool, id);
  if (!row) throw notFound('the schedule');
  return row;
}

export function present(core: ApiCore, request: FastifyRequest, row: StoredSchedule): ScheduleJson {
  if (!seesPayloads(request)) return presentSchedule(row, HIDDEN);
  const schema = core.directory.get(row.type)?.description?.schema;
  return presentSchedule(row, schema ? maskSecrets(schema, row.payload) : row.payload);
}

/** Answers with the schedule as it is now, and its ETag. */
export async function sendSchedule(
  core: ApiCore,
  reply: FastifyReply,
  status: number,
  id: string,
): Promise<FastifyReply> {
  const row = await found(core, id);
  await core.directory.fresh();
  return reply
    .code(status)
    .header('etag', etagOf(row))
    .send(present(core, reply.request, row));
}

/** Where a page ended, as one opaque word. */
export function writeCursor(...parts: string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** The parts of a cursor of `count` parts; throws for what is none. */
export function readCursor(cursor: string, count: number): string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(parts) && parts.length === count && parts.every((part) => typeof part === 'string')) return parts;
  } catch {
    // Said below.
  }
  throw new Problem(400, 'invalid_cursor', 'is not a cursor of this list', { path: '/cursor' });
}

/** A time of a query or body that Postgres can be asked about. */
export function timeOf(name: string, text: string): Date {
  const date = new Date(text);
  if (!(date.getTime() >= 0))
    throw new Problem(400, 'invalid_field', 'must be a time from 1970 on', { path: `/${name}` });
  return date;
}
