// What people set in the place of a type's own policy: rows of tem.event_type_override, obeyed by whoever reads them.

import type { Pool } from 'pg';
import { defineEventType, type EventType, type RetryMs, type RetryPolicy } from './event-type.ts';
import type { EventTypeDescription } from './event-type-description.ts';

export interface TypeOverride {
  retry?: Partial<RetryMs>;
  timeoutMs?: number;
  /** Of events that are accepted without one. */
  priority?: number;
  /** Null: never in a batch. */
  batch?: number | null;
}

/** As people write it; durations such as `10s`. */
export interface GivenOverride {
  retry?: Partial<RetryPolicy>;
  timeout?: string;
  priority?: number;
  batch?: number | null;
}

/** The override, or in words why the type can't have it: what a definition in code may not be. */
export function readOverride(
  given: GivenOverride,
  type: Pick<EventTypeDescription, 'name' | 'long'>,
): TypeOverride | string {
  const { retry, timeout, priority, batch } = given;
  try {
    const defined = defineEventType({
      name: type.name,
      payload: {} as never,
      handle: () => null,
      long: type.long,
      ...(retry && { retry }),
      ...(timeout !== undefined && { timeout: timeout as RetryPolicy['base'] }),
      ...(priority !== undefined && { priority }),
      ...(typeof batch === 'number' && { batch }),
    });
    const { maxAttempts, baseMs, capMs, jitter } = defined.retry;
    const ms = {
      ...(retry?.maxAttempts !== undefined && { maxAttempts }),
      ...(retry?.base !== undefined && { baseMs }),
      ...(retry?.cap !== undefined && { capMs }),
      ...(retry?.jitter !== undefined && { jitter }),
    };
    return {
      ...(Object.keys(ms).length > 0 && { retry: ms }),
      ...(timeout !== undefined && { timeoutMs: defined.timeoutMs }),
      ...(priority !== undefined && { priority }),
      ...(batch !== undefined && { batch }),
    };
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** A type or a description with what is set in the place of its own. */
export function overridden<Each extends Pick<EventType, 'retry' | 'timeoutMs'> | EventTypeDescription>(
  type: Each,
  override: TypeOverride | undefined,
): Each {
  if (!override) return type;
  const { retry, timeoutMs, priority, batch } = override;
  // A workflow and a long type run alone, whatever is set.
  const mayBatch = !('workflow' in type && type.workflow !== undefined) && !('long' in type && type.long);
  return {
    ...type,
    ...(retry && { retry: { ...type.retry, ...retry } }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(priority !== undefined && { priority }),
    ...(batch !== undefined && mayBatch && { batch: batch ?? undefined }),
  };
}

/** All that are set, by type. */
export async function readOverrides(pool: Pool): Promise<Map<string, TypeOverride>> {
  const { rows } = await pool.query<{ type: string; definition: TypeOverride }>({
    name: 'type-overrides',
    text: 'select type, definition from tem.event_type_override',
  });
  return new Map(rows.map(({ type, definition }) => [type, definition]));
}

/** Sets all of them: what is left out is the code's. Resolves to what was set before. */
export async function putOverride(
  client: Pick<Pool, 'query'>,
  type: string,
  override: TypeOverride,
  actor: string,
): Promise<TypeOverride | null> {
  const { rows } = await client.query<{ before: TypeOverride | null }>(
    `with before as materialized (select definition from tem.event_type_override where type = $1 for update), written as (
       insert into tem.event_type_override (type, definition, actor) values ($1, $2, $3)
       on conflict (type) do update set definition = excluded.definition, actor = excluded.actor, updated_at = now())
     select (select definition from before) as before`,
    [type, JSON.stringify(override), actor],
  );
  return rows[0]?.before ?? null;
}

/** Returns to the code's; resolves to what was set, or null. */
export async function deleteOverride(client: Pick<Pool, 'query'>, type: string): Promise<TypeOverride | null> {
  const { rows } = await client.query<{ definition: TypeOverride }>(
    'delete from tem.event_type_override where type = $1 returning definition',
    [type],
  );
  return rows[0]?.definition ?? null;
}
