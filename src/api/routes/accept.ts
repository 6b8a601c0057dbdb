// POST /v1/events and /v1/events/batch. A 202 is sent only after the commit; a batch is accepted whole but for the
// events that are wrong in themselves, each named by its index.

import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { isOwn, shownTo } from '../../core/access/confine.ts';
import { notFound, Problem, problems } from '../../core/http/problem.ts';
import { type Check, compiledWhenAsked, createRequestAjv, describeRefusal } from '../../core/http/validation.ts';
import type { AcceptInput, AcceptOutcome } from '../../core/ledger/accept.ts';
import { getEvent } from '../../core/ledger/events.ts';
import { type EventJson, presentEvent } from '../../core/ledger/present.ts';
import type { Api, ApiCore } from '../api.ts';
import { isRefusal, type Refusal } from '../incoming.ts';
import { BatchResult, Event, NewEvent, NoQuery } from '../schemas.ts';
import { acceptedRow } from './accepted-row.ts';

const BATCH_BYTES_MAX = 16 * 1024 * 1024;
const BATCH_EVENTS_MAX = 10_000;
const NOT_OWN = 'this caller is confined to other types or groups of events';
const FRESH_WITHIN_MS = 200;

export function acceptRoutes(app: Api, core: ApiCore): void {
  app.post(
    '/v1/events',
    {
      config: { scoped: true },
      schema: {
        operationId: 'acceptEvent',
        tags: ['events'],
        summary: 'Accept an event',
        description:
          'The header Idempotency-Key is the same as `key`. 202: accepted; 200: the event with this key and payload is there already.',
        headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String()) }),
        querystring: NoQuery,
        body: NewEvent,
        response: { 202: Event, 200: Event, ...problems(400, 409, 413, 415) },
      },
    },
    async (request, reply) => {
      const key = keyOf(request, request.body.key);
      const prepared = await core.incoming.prepare(key === undefined ? request.body : { ...request.body, key });
      if (isRefusal(prepared)) throw new Problem(400, prepared.code, prepared.detail, { path: prepared.path });
      if (!isOwn(request, prepared)) throw new Problem(403, 'forbidden', NOT_OWN, { path: '/type' });
      const outcome = await core.accepter.accept(prepared, request.bodyBytes);
      if (outcome.status === 'conflict') {
        throw new Problem(409, 'key_conflict', 'an event with this type and key exists with another payload', {
          id: outcome.id,
          path: '/key',
        });
      }
      request.log.debug({ event: outcome.id, type: prepared.type, status: outcome.status }, 'event accepted');
      reply.header('location', `/v1/events/${outcome.id}`);
      // An event that is accepted is answered, whether or not it is known who runs it.
      await core.directory.freshWithin(FRESH_WITHIN_MS);
      if (outcome.status === 'accepted' && prepared.orderBy === undefined)
        return reply.code(202).send(shownTo(request, presentEvent(acceptedRow(prepared, outcome), core.directory)));
      // Whether it has its turn is known to the ledger alone.
      const event = shownTo(request, await present(core, outcome.id));
      return reply.code(outcome.status === 'duplicate' ? 200 : 202).send(event);
    },
  );

  const validate = compiledWhenAsked(() => createRequestAjv({ texts: false }).compile(NewEvent));
  app.post(
    '/v1/events/batch',
    {
      bodyLimit: BATCH_BYTES_MAX,
      config: { elementsIn: 'events', scoped: true },
      // The events are checked one by one, so that a wrong one doesn't refuse the others.
      validatorCompiler: ({ schema, httpPart }) =>
        compiledWhenAsked(() =>
          createRequestAjv({ texts: httpPart !== 'body' }).compile(
            httpPart === 'body' ? UncheckedBatch : (schema as object),
          ),
        ),
      schema: {
        operationId: 'acceptBatch',
        tags: ['events'],
        summary: 'Accept up to 10,000 events',
        description:
          'Events that are wrong are rejected one by one with their index; all others are accepted in one transaction.',
        querystring: NoQuery,
        body: Type.Object(
          { events: Type.Array(NewEvent, { minItems: 1, maxItems: BATCH_EVENTS_MAX }) },
          { additionalProperties: false },
        ),
        response: { 202: BatchResult, ...problems(400, 413, 415) },
      },
    },
    async (request, reply) => {
      const result = await acceptBatch(core, validate, request.body.events, request);
      request.log.debug({ accepted: result.accepted, rejected: result.rejected.length }, 'batch accepted');
      return reply.code(202).send(result);
    },
  );
}

const UncheckedBatch = Type.Object(
  { events: Type.Array(Type.Unknown(), { minItems: 1, maxItems: BATCH_EVENTS_MAX }) },
  { additionalProperties: false },
);

async function present(core: ApiCore, id: string): Promise<EventJson> {
  const row = await getEvent(core.pool, id);
  if (!row) throw notFound('the event');
  return presentEvent(row, core.directory);
}

/** The key of header and body; both are fine when they agree. */
function keyOf(request: FastifyRequest, bodyKey: string | undefined): string | undefined {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return bodyKey;
  // Node reads header bytes as Latin-1; the key is UTF-8.
  const bytes = Buffer.from(String(header), 'latin1');
  // Decoded all the same, two keys would become one.
  if (!isUtf8(bytes))
    throw new Problem(400, 'invalid_field', 'the header Idempotency-Key is not UTF-8', { path: '/key' });
  const headerKey = bytes.toString('utf8');
  if (bodyKey !== undefined && bodyKey !== headerKey) {
    throw new Problem(400, 'key_mismatch', 'the header Idempotency-Key and the key in the body differ', {
      path: '/key',
    });
  }
  return headerKey;
}

interface Rejected {
  index: number;
  code: string;
  detail: string;
  path?: string;
}

async function acceptBatch(
  core: ApiCore,
  validate: Check,
  events: readonly unknown[],
  request: FastifyRequest,
): Promise<{ accepted: number; duplicates: number; rejected: Rejected[]; ids: (string | null)[] }> {
  const rejected: Rejected[] = [];
  const ids: (string | null)[] = new Array(events.length).fill(null);
  const inputs: AcceptInput[] = [];
  const indexes: number[] = [];
  for (const [index, event] of events.entries()) {
    const flaw = request.elementFlaws?.get(index);
    const prepared =
      flaw ?? refuseShape(validate, event, index) ?? (await prepareOwn(core, request, event as NewEvent));
    if (isRefusal(prepared as AcceptInput | Refusal)) {
      const { code, detail, path } = prepared as Refusal;
      rejected.push({
        index,
        code,
        detail,
        path: flaw || path.startsWith('/events/') ? path : `/events/${index}${path}`,
      });
    } else {
      inputs.push(prepared as AcceptInput);
      indexes.push(index);
    }
  }
  const outcomes = inputs.length === 0 ? [] : await core.accepter.acceptBatch(inputs);
  let accepted = 0;
  let duplicates = 0;
  outcomes.forEach((outcome: AcceptOutcome | Error, position) => {
    const index = indexes[position] as number;
    const path = `/events/${index}`;
    if (outcome instanceof Error) {
      rejected.push({ index, code: 'not_storable', detail: 'holds something that Postgres does not store', path });
    } else if (outcome.status === 'conflict') {
      const detail = `an event with this type and key exists with another payload: ${outcome.id}`;
      rejected.push({ index, code: 'key_conflict', detail, path: `${path}/key` });
    } else {
      ids[index] = outcome.id;
      if (outcome.status === 'accepted') accepted += 1;
      else duplicates += 1;
    }
  });
  rejected.sort((a, b) => a.index - b.index);
  return { accepted, duplicates, rejected, ids };
}

async function prepareOwn(core: ApiCore, request: FastifyRequest, event: NewEvent): Promise<AcceptInput | Refusal> {
  const prepared = await core.incoming.prepare(event);
  if (isRefusal(prepared) || isOwn(request, prepared)) return prepared;
  return { code: 'forbidden', detail: NOT_OWN, path: '/type' };
}

function refuseShape(validate: Check, event: unknown, index: number): Refusal | undefined {
  if (validate(event)) return undefined;
  const [first] = validate.errors ?? [];
  const refusal = first ? describeRefusal(first) : { code: 'invalid_field', path: '', detail: 'is not valid' };
  return { ...refusal, path: `/events/${index}${refusal.path}` };
}
