// What a caller's scopes and his right to payloads make of what he asks for. An event outside of his scopes is not there for
// him. Without the right to payloads he isn't shown what an event holds, and can't find it by that either.

import type { FastifyRequest } from 'fastify';
import { Problem } from '../http/problem.ts';
import type { EventFilter } from '../ledger/candidates.ts';
import type { EventJson } from '../ledger/present.ts';
import { inScope, rightsOf, type Scopes } from './principal.ts';

/** Stands for what the caller may not see. */
export const HIDDEN = '[hidden]';

type Caller = Pick<FastifyRequest, 'principal'>;

export function seesPayloads(caller: Caller): boolean {
  return rightsOf(caller)?.mayReadPayloads ?? false;
}

/** Whether an event is one of the caller's; '' or null for no group. */
export function isOwn(caller: Caller, event: { type: string; group?: string | null | undefined }): boolean {
  return inScope(rightsOf(caller)?.scopes, event.type, event.group ?? '');
}

/** The filter within the scopes; undefined when no event can be in both. */
export function confine(filter: EventFilter, scopes: Scopes | undefined): EventFilter | undefined {
  const { types, groups } = scopes ?? {};
  if (filter.type !== undefined && types && !types.includes(filter.type)) return undefined;
  if (filter.group !== undefined && groups && !groups.includes(filter.group)) return undefined;
  const [group] = groups ?? [];
  return {
    ...filter,
    ...(types && filter.type === undefined && { types }),
    // One has an index that is in the order of a page.
    ...(groups && filter.group === undefined && (groups.length === 1 && group !== undefined ? { group } : { groups })),
  };
}

/** Throws when the caller may not find events by what they hold. `values`: what he asks for, by the parameter's name. */
export function refuseByValue(caller: Caller, values: Readonly<Record<string, unknown>>): void {
  if (seesPayloads(caller)) return;
  const [name] = Object.entries(values).find(([, value]) => value !== undefined) ?? [];
  if (name === undefined) return;
  throw new Problem(403, 'forbidden', `${name} finds events by what they hold, which this caller may not see`, {
    path: `/${name}`,
  });
}

/** The event as the caller may see it. */
export function shownTo(caller: Caller, event: EventJson): EventJson {
  return seesPayloads(caller) ? event : withoutContent(event);
}

function withoutContent(event: EventJson): EventJson {
  const hidden = <Value>(value: Value): Value | typeof HIDDEN => (value === null ? value : HIDDEN);
  // A key that nobody chose says nothing.
  const ownKey = event.key === event.id;
  return {
    ...event,
    ...(!ownKey && { key: HIDDEN, workflowId: HIDDEN }),
    payload: hidden(event.payload),
    result: hidden(event.result),
    lastError: hidden(event.lastError),
    compensationError: hidden(event.compensationError),
  };
}

export function hiddenError<Entry extends { error: string | null }>(caller: Caller, entry: Entry): Entry {
  return entry.error === null || seesPayloads(caller) ? entry : { ...entry, error: HIDDEN };
}
