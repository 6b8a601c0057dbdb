// Accepting for the code of features: the same checks and the same statement as for HTTP, with an Error in the place of each
// event that is refused, so that one bad event never takes others with it.

import { KeyConflict } from './errors.ts';
import { TYPE_NAME_PATTERN } from './event-type.ts';
import type { EventTypes } from './event-types.ts';
import type { Accept } from './feature.ts';
import { type AcceptInput, type AcceptOutcome, refuseAccept } from './ledger/accept.ts';
import type { Accepter } from './ledger/accepter.ts';
import { errorText } from './ledger/mark.ts';

const TYPE_NAME = new RegExp(TYPE_NAME_PATTERN);

export function createAccept(types: EventTypes, accepter: Pick<Accepter, 'acceptBatch'>): Accept {
  return async (events) => {
    const refusals = events.map((event) => refusalOf(types, event));
    const good = events.filter((_, index) => refusals[index] === undefined);
    const accepted = good.length === 0 ? [] : await accepter.acceptBatch(good.map((event) => withPolicy(types, event)));
    let next = 0;
    return events.map((event, index) => refusals[index] ?? outcomeOf(event, accepted[next++]));
  };
}

function withPolicy(types: EventTypes, event: AcceptInput): AcceptInput {
  const { ttlMs, orderBy, priority } = types.get(event.type) ?? {};
  const byDefault = { ...(ttlMs !== undefined && { ttlMs }), ...(priority !== undefined && { priority }) };
  return { ...byDefault, orderBy, ...event };
}

function refusalOf(types: EventTypes, event: AcceptInput): Error | undefined {
  const type = types.get(event.type);
  // A type that only another worker knows is accepted as SQL would accept it.
  if (!type && !TYPE_NAME.test(event.type))
    return new TypeError(`${JSON.stringify(event.type)} is no name of an event type`);
  const bad = refuseAccept(event);
  if (bad) return new TypeError(`${bad.path.slice(1)} ${bad.message}`);
  const refusal = type && types.refusal(type, event.payload);
  return refusal && new TypeError(`${refusal.path === '' ? 'the payload' : refusal.path} ${refusal.message}`);
}

function outcomeOf({ type, key }: AcceptInput, outcome: AcceptOutcome | Error | undefined): AcceptOutcome | Error {
  if (outcome === undefined) return new Error(`the event of type ${type} was not accepted`);
  if (outcome instanceof Error) return new TypeError(`can't be stored: ${errorText(outcome)}`);
  return outcome.status === 'conflict'
    ? new KeyConflict(`an event of type ${type} with key ${key} exists with another payload`)
    : outcome;
}
