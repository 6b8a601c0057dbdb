// From a checked body to an event for the ledger: the rules that one schema for all types can't say. The same for a
// single event and for each event of a batch, so both refuse the same things with the same words.

import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { EventTypes } from '../core/event-types.ts';
import { describeRefusal } from '../core/http/validation.ts';
import { compileSchema } from '../core/json-schema.ts';
import { type AcceptInput, refuseAccept } from '../core/ledger/accept.ts';
import type { TypeDirectory } from '../core/ledger/type-directory.ts';
import { readTime } from '../core/time.ts';
import type { NewEvent } from './schemas.ts';

export interface Refusal {
  code: string;
  path: string;
  detail: string;
}

export interface Incoming {
  /** The event as the ledger takes it, or why it is refused. Throws when only the ledger could tell and is away. */
  prepare(event: NewEvent): Promise<AcceptInput | Refusal>;
  /** Why a payload of a type is refused; its source when it is not. Throws as `prepare` does. */
  judge(type: string, payload: unknown): Promise<Refusal | 'http' | 'http, unchecked'>;
}

export function isRefusal(prepared: AcceptInput | Refusal): prepared is Refusal {
  return 'code' in prepared;
}

export function createIncoming(eventTypes: EventTypes, directory: TypeDirectory): Incoming {
  const registered = new WeakMap<object, ValidateFunction | 'unchecked'>();

  /**
   * Judges by what a worker registered: this process has the type's schema, but not its code. Whether that worker lives
   * is no question here: the event waits for one (rule 10).
   */
  const refuseByRegistration = (name: string, payload: unknown): Refusal | undefined => {
    const known = directory.get(name);
    if (!known) {
      return {
        code: 'unknown_type',
        path: '/type',
        detail: 'is no event type that the API or a worker of this ledger has ever known; see GET /v1/event-types',
      };
    }
    const schema = known.description?.schema;
    if (!schema) return undefined;
    let validate = registered.get(schema);
    if (!validate) {
      validate = compiled(schema);
      registered.set(schema, validate);
    }
    return validate === 'unchecked' ? undefined : refuseBySchema(validate, payload);
  };

  const judge: Incoming['judge'] = async (name, payload) => {
    const type = eventTypes.get(name);
    if (type) {
      const refusal = eventTypes.refusal(type, payload);
      if (!refusal) return 'http';
      return { code: 'invalid_payload', path: `/payload${refusal.path}`, detail: refusal.message };
    }
    await directory.fresh();
    return refuseByRegistration(name, payload) ?? 'http, unchecked';
  };

  return {
    judge,
    async prepare(event) {
      const runAt = event.runAt === undefined ? undefined : readTime(event.runAt);
      if (typeof runAt === 'string') return { code: 'invalid_field', path: '/runAt', detail: runAt };
      const expiresAt = event.expiresAt === undefined ? undefined : readTime(event.expiresAt);
      if (typeof expiresAt === 'string') return { code: 'invalid_field', path: '/expiresAt', detail: expiresAt };
      const { key, priority, group, payload } = event;
      const refused = refuseAccept({ ...(key !== undefined && { key }), ...(group !== undefined && { group }) });
      if (refused) return { code: 'invalid_field', path: refused.path, detail: refused.message };
      const source = await judge(event.type, payload);
      if (typeof source !== 'string') return source;
      const type = eventTypes.get(event.type);
      const policy = type ?? directory.get(event.type)?.description;
      const { orderBy, ttlMs } = policy ?? {};
      const byDefault = policy?.priority ?? undefined;
      return {
        type: event.type,
        payload,
        source,
        ...(key !== undefined && { key }),
        ...((priority ?? byDefault) !== undefined && { priority: priority ?? (byDefault as number) }),
        ...(group !== undefined && { group }),
        ...(runAt && { runAt }),
        ...(expiresAt && { expiresAt }),
        ...(typeof ttlMs === 'number' && { ttlMs }),
        ...(typeof orderBy === 'string' && { orderBy }),
      };
    },
  };
}

/** Another release may have registered what this one can't compile: then the worker alone checks the payload. */
function compiled(schema: object): ValidateFunction | 'unchecked' {
  try {
    return compileSchema(schema);
  } catch {
    return 'unchecked';
  }
}

function refuseBySchema(validate: ValidateFunction, payload: unknown): Refusal | undefined {
  try {
    if (validate(payload)) return undefined;
  } catch {
    // A schema that refers to itself without end: the worker refuses the payload in its own words.
    return undefined;
  }
  const [first] = validate.errors ?? [];
  const refusal = first ? describeRefusal(first) : { path: '', detail: 'is not valid' };
  return { code: 'invalid_payload', path: `/payload${refusal.path}`, detail: refusal.detail };
}
