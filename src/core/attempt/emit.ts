// Further events from inside a handler: accepted in its transaction, so that they exist exactly when its work does.

import { KeyConflict } from '../errors.ts';
import { type Emit, TYPE_NAME_PATTERN } from '../event-type.ts';
import type { EventTypes } from '../event-types.ts';
import { type AcceptInput, acceptEvents, refuseAccept } from '../ledger/accept.ts';
import { emittedBy } from '../ledger/emitted.ts';
import { publishing } from '../tracing/event-spans.ts';
import { inSpan, type Tracing } from '../tracing/index.ts';
import type { LedgerTransaction } from './transaction.ts';

const TYPE_NAME = new RegExp(TYPE_NAME_PATTERN);

/** `emitter`: the event whose handler it is; undefined where one handles several. */
export function createEmit(
  { types, tracing }: { types: EventTypes; tracing: Tracing },
  tx: LedgerTransaction,
  emitter: string | undefined,
): Emit {
  const source = emitter === undefined ? 'emit' : emittedBy(emitter);
  return async (typeName, payload, options = {}) => {
    const type = types.get(typeName);
    // A type that only another worker knows is accepted as SQL would accept it.
    const refusal = type && types.refusal(type, payload);
    const bad = refuseAccept(options);
    if (bad) throw new TypeError(`emit ${typeName}: ${bad.path.slice(1)} ${bad.message}`);
    if (!type && !TYPE_NAME.test(typeName))
      throw new TypeError(`emit: ${JSON.stringify(typeName)} is no name of an event type`);
    if (refusal)
      throw new TypeError(`emit ${typeName}: ${refusal.path === '' ? 'the payload' : refusal.path} ${refusal.message}`);
    const span = publishing(tracing, new Set([typeName]), 1);
    const event: AcceptInput = {
      type: typeName,
      payload,
      ...(type?.priority !== undefined && { priority: type.priority }),
      ...options,
      ...(type?.ttlMs !== undefined && { ttlMs: type.ttlMs }),
      ...(type?.orderBy !== undefined && { orderBy: type.orderBy }),
      source,
      traceContext: span.context,
    };
    const [outcome] = await inSpan(span, () => tx.run((client) => acceptEvents(client, [event])));
    if (outcome?.status === 'conflict')
      throw new KeyConflict(`emit ${typeName}: key ${options.key} has another payload`);
    if (!outcome) throw new Error(`emit ${typeName}: not accepted`);
    return outcome.id;
  };
}
