// The id of an event in a URL: of one that is there for the caller.

import type { FastifyRequest } from 'fastify';
import { isOwn } from '../../core/access/confine.ts';
import { rightsOf } from '../../core/access/principal.ts';
import { notFound } from '../../core/http/problem.ts';
import { getEvent } from '../../core/ledger/events.ts';
import type { ApiCore } from '../api.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id of an event that is there for the caller. */
export async function ownEventId({ pool }: ApiCore, request: FastifyRequest, text: string): Promise<string> {
  const id = eventId(text);
  if (!rightsOf(request)?.scopes) return id;
  // What an event is of never changes.
  const row = await getEvent(pool, id);
  if (!row || !isOwn(request, row)) throw notFound('the event');
  return id;
}

export function eventId(text: string): string {
  if (!UUID.test(text)) throw notFound('the event');
  return text.toLowerCase();
}
