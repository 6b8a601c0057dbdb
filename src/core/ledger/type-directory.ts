// Which event types are known, to this process or to a live worker: API and workers may be deployed apart, so the
// registrations in the ledger count as much as the code that was loaded here. Read at most once a second.

import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { type EventTypeDescription, readDescription } from '../event-type-description.ts';
import type { EventTypes } from '../event-types.ts';
import { overridden, type TypeOverride } from '../type-overrides.ts';
import { describeType } from './leases.ts';

export interface KnownType {
  name: string;
  /** Undefined when a worker knows the type but its registration can't be read. */
  description: EventTypeDescription | undefined;
  /** As its code has it. */
  code: EventTypeDescription | undefined;
  /** What people have set in the place of its code's. */
  override: TypeOverride | undefined;
  /** Live workers that run it; of a type whose workers are all gone none. */
  workers: number;
}

export interface TypeDirectory {
  /** What is known at this moment, without waiting; starts a refresh in the background when it is old. */
  get(name: string): KnownType | undefined;
  all(): KnownType[];
  /** Whether what is known is new enough to say that no worker lives. */
  isFresh(): boolean;
  /** Resolves when the knowledge is at most a second old. Throws when the ledger is away. */
  fresh(): Promise<void>;
  /** The same, or what is known already when that takes longer or the ledger is away. */
  freshWithin(limitMs: number): Promise<void>;
}

const FRESH_FOR_MS = 1_000;
/** A page takes a moment to write; a lease lasts longer than this. */
const BELIEVED_FOR_MS = 5_000;

// A type that no live worker knows any more stays listed by its last registration, with no workers.
const REGISTERED = `
  with alive as (
    select name, count(*)::int as workers from tem.worker w cross join unnest(w.types) as name
      where w.lease_until > clock_timestamp() and not w.stopping group by name
  )
  select coalesce(t.name, alive.name, o.type) as name, t.definition is not null or alive.name is not null as registered, t.definition, coalesce(alive.workers, 0) as workers, o.definition as override
    from tem.event_type t full join alive on alive.name = t.name
      full join tem.event_type_override o on o.type = coalesce(t.name, alive.name)
    where coalesce(t.name, alive.name, o.type) is not null order by 1`;

interface Registered {
  name: string;
  definition: unknown;
  workers: number;
  override: TypeOverride | null;
  /** Whether a worker has ever known it; an override may outlive its type, or come before it. */
  registered: boolean;
}

function knownOf(
  name: string,
  code: EventTypeDescription | undefined,
  workers: number,
  override: TypeOverride | null,
): KnownType {
  const set = override ?? undefined;
  return { name, code, override: set, description: code && overridden(code, set), workers };
}

export function createTypeDirectory(pool: Pool, eventTypes: EventTypes): TypeDirectory {
  const local = new Map(
    eventTypes.all().map((type) => [type.name, readDescription(JSON.parse(JSON.stringify(describeType(type))))]),
  );
  // A registration stays the same object while nothing in it changes: what is made of its schema is kept beside it.
  let registered = new Map<string, { text: string; description: EventTypeDescription | undefined }>();
  let known = new Map<string, KnownType>();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  const adopt = (rows: Registered[]): void => {
    known = new Map([...local].map(([name, description]) => [name, knownOf(name, description, 0, null)]));
    const before = registered;
    registered = new Map();
    for (const { name, definition, workers, override, registered: isRegistered } of rows) {
      if (!isRegistered) {
        if (local.has(name)) known.set(name, knownOf(name, local.get(name), 0, override));
        continue;
      }
      const text = JSON.stringify(definition);
      const last = before.get(name);
      const entry = last?.text === text ? last : { text, description: readDescription(definition) };
      registered.set(name, entry);
      known.set(name, knownOf(name, local.get(name) ?? entry.description, workers, override));
    }
  };
  adopt([]);

  const readNow = async (): Promise<void> => {
    const { rows } = await pool.query<Registered>(REGISTERED);
    adopt(rows);
    eventTypes.override(new Map(rows.flatMap(({ name, override }) => (override ? [[name, override] as const] : []))));
    readAt = performance.now();
  };
  const read = (): Promise<void> => {
    reading ??= readNow().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const isOld = (): boolean => performance.now() - readAt > FRESH_FOR_MS;

  return {
    get(name) {
      if (isOld()) read().catch(() => {});
      return known.get(name);
    },
    isFresh: () => performance.now() - readAt <= BELIEVED_FOR_MS,
    all: () => [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    async fresh() {
      if (isOld()) await read();
    },
    async freshWithin(limitMs) {
      if (!isOld()) return;
      const limit = new AbortController();
      const late = delay(limitMs, undefined, { signal: limit.signal });
      await Promise.race([read(), late]).catch(() => {});
      limit.abort();
      await late.catch(() => {});
    },
  };
}
