// An event type is one value: its durable name, the schema of its payload, its policies and its handler.
// Everything else (HTTP validation, the relay, the workflow, the docs page) is derived from it.

import type { QueryResult, QueryResultRow } from 'pg';
import type { Logger } from 'pino';
import type { Static, TSchema } from 'typebox';
import { type AlertDefinition, type AlertPolicy, readAlert } from './alerts/policy.ts';
import { type Duration, milliseconds } from './duration.ts';

/** What a handler sees of its event. `idempotencyKey` is the same over attempts, crashes and revivals. */
export interface EventView<Payload> {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly payload: Payload;
  readonly group: string | null;
  readonly priority: number;
  /** 1 for the first attempt; a crash of the worker doesn't raise it. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly idempotencyKey: string;
  readonly createdAt: Date;
}

/**
 * A transaction on TEM's Postgres that opens at its first query. The handler's writes and the event's PROCESSED mark
 * commit together, or not at all. COMMIT and ROLLBACK are refused: they are TEM's to say.
 */
export interface Transaction {
  query<Row extends QueryResultRow = QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<Row>>;
  /** Sends NOTIFY after the commit, merged with that of other events (source: docs/promises.md, rule 11). */
  notifyAfterCommit(channel: string, payload: string): void;
}

export interface EmitOptions {
  key?: string;
  priority?: number;
  group?: string;
  runAt?: Date;
  /** Past it an attempt that hasn't begun ends the event EXTINCT. */
  expiresAt?: Date;
}

/** Accepts a further event in the same transaction; resolves to its id. Throws `KeyConflict` like HTTP does. */
export type Emit = (type: string, payload: unknown, options?: EmitOptions) => Promise<string>;

export interface FlowTaker {
  /**
   * Resolves when a call may go within the flow of this name and its group ('' for none), at once where none is set. Then
   * go at once, and call what it resolves to when the call is over. `cost` is what it takes of the rate, 1 by default.
   * Rejects with the reason of `signal`.
   */
  take(type: string, group: string, options?: { cost?: number; signal?: AbortSignal }): Promise<() => void>;
}

export interface HandlerContext {
  readonly tx: Transaction;
  readonly emit: Emit;
  /** Aborts on timeout, on cancel and when the worker stops. */
  readonly signal: AbortSignal;
  /**
   * Waits without using up the attempt's time limit, for a minute of an attempt in all: for what others hold, such as a
   * place in a pool of one's own. `outbound` of a feature takes it as it is.
   */
  offTheClock<Result>(wait: () => Promise<Result>): Promise<Result>;
  /** The flows that people set, for calls of the handler's own: those of its event it has passed already. */
  readonly flows: FlowTaker;
  /**
   * Shows progress of a `long` type; `details` are kept for Temporal's Web UI. Throws a TypeError for what is no JSON, a
   * RangeError beyond 16 KiB of it.
   */
  heartbeat(details?: unknown): void;
  /** Writes lines that carry the event's id. */
  readonly log: Logger;
}

export interface CompensationContext extends HandlerContext {
  /** Why the event could not succeed, or was cancelled. */
  readonly error: { readonly message: string };
}

export interface RetryPolicy {
  /** Attempts in all, the first included; 5 by default. */
  maxAttempts: number;
  /** Wait after the first failure, doubled after each further one; 10s by default. */
  base: Duration;
  /** The longest wait; 1h by default. */
  cap: Duration;
  /** 0.2 spreads each wait evenly over 80 % to 120 % of itself; 0.2 by default. */
  jitter: number;
}

export interface PayloadRefusal {
  /** JSON pointer into the payload; '' is the payload itself. */
  path: string;
  message: string;
  /**
   * It is this process that lacks something, such as a setting: nothing is accepted, but an event that another process
   * accepted is attempted, so that its handler can fail in a way that is tried again.
   */
  atAcceptOnly?: boolean;
}

export type OrderAfterExtinct = 'release' | 'hold';

export interface EventTypeDefinition<Schema extends TSchema = TSchema> {
  /** Durable: it is in the ledger and in workflow ids. Letters, digits, dot, underscore, hyphen; at most 128. */
  name: string;
  payload: Schema;
  retry?: Partial<RetryPolicy>;
  /** The policy of `compensate`; 5 attempts from 1s by default. */
  compensationRetry?: Partial<RetryPolicy>;
  /**
   * The longest that an attempt's own work may take; 30s by default. Waiting for a connection or for a place at a target
   * doesn't count, up to a minute of an attempt.
   */
  timeout?: Duration;
  /**
   * How long after its runAt, or its acceptance, an attempt may begin; past that the event ends EXTINCT, without
   * compensation if nothing ran. Without end by default; `expiresAt` of an event goes before it.
   */
  ttl?: Duration;
  /** How long its ended events are kept, `30d` at least; TEM_RETENTION by default. */
  retention?: Duration;
  /** When an operator is told (docs/operations.md, Incidents); as TEM_ALERT_EXTINCT and its kin say by default. */
  alert?: AlertDefinition;
  /** Runs as an ordinary activity with heartbeats from the first attempt on, for attempts of minutes to hours. */
  long?: boolean;
  /** Of events that are accepted over HTTP or by `emit` without one: 1 goes first, 5 last; 3 by default. */
  priority?: number;
  /**
   * Where the payload names the person that it is about: a JSON pointer such as `/user`. `DELETE /v1/subjects/{subject}` erases
   * what is kept of the person.
   */
  subject?: string;
  /** Under pressure up to this many events (2 to 1,000) share one workflow run; absent: always one workflow each. */
  batch?: number;
  /**
   * A JSON pointer into the payload, such as `/account`: events with the same value there run one at a time, in the order in
   * which they were committed; those without one have no order.
   */
  orderBy?: string;
  /** Whether an event that ended EXTINCT lets those behind it go on, or holds them; `release` by default. */
  orderAfterExtinct?: OrderAfterExtinct;
  /** Hashes the key in workflow ids, for keys that are personal data. */
  keyPrivate?: boolean;
  /** The version of the payload's shape, for people: `GET /v1/event-types` shows it. */
  version?: number;
  /** Makes a stored payload that the schema refuses one that it takes. */
  upgrade?(oldPayload: unknown): unknown;
  /** Does the work; or `workflow` does. */
  handle?(event: EventView<Static<Schema>>, context: HandlerContext): Promise<unknown> | unknown;
  /**
   * Instead of `handle`: the workflow that an attempt runs as a child, which may continue as new. It gets an EventWorkflowInput,
   * and what it returns is the event's result. `timeout` is 24h by default.
   */
  workflow?: string;
  /** The whole set in one transaction, used for batches; when it throws, its events are handled one by one. */
  handleAll?(events: readonly EventView<Static<Schema>>[], context: HandlerContext): Promise<void>;
  /** Undoes what attempts may have done, before the event is marked EXTINCT or CANCELLED. */
  compensate?(event: EventView<Static<Schema>>, context: CompensationContext): Promise<void> | void;
  /** Says what is wrong with a payload that the schema accepts; checked at accept and before each attempt. */
  refuse?(payload: Static<Schema>): PayloadRefusal | undefined;
}

/** A defined type: the definition with every policy explicit, in milliseconds. */
export interface EventType
  extends Omit<
    EventTypeDefinition,
    'retry' | 'compensationRetry' | 'timeout' | 'retention' | 'ttl' | 'alert' | 'handle' | 'orderAfterExtinct'
  > {
  handle(event: EventView<never>, context: HandlerContext): Promise<unknown> | unknown;
  readonly kind: 'tem.eventType';
  readonly retry: RetryMs;
  readonly compensationRetry: RetryMs;
  readonly timeoutMs: number;
  readonly retentionMs: number | undefined;
  readonly ttlMs: number | undefined;
  readonly alert: AlertPolicy | undefined;
  readonly orderAfterExtinct: OrderAfterExtinct;
  readonly long: boolean;
  readonly version: number;
}

export interface RetryMs {
  maxAttempts: number;
  baseMs: number;
  capMs: number;
  jitter: number;
}

/** Ended events stay at least this long: a late repeat, and a person's question, must find them. */
export const RETENTION_MS_MIN = 30 * 24 * 3_600_000;

export const TYPE_NAME_PATTERN = '^[a-zA-Z][a-zA-Z0-9._-]{0,127}$';

/** RFC 6901; the whole payload is no value to order by. */
const ORDER_BY = /^(\/([^~/]|~[01])*)+$/;

/** Checks a definition and fills in the defaults. Throws a RangeError that names the type and the setting. */
export function defineEventType<Schema extends TSchema>(definition: EventTypeDefinition<Schema>): EventType {
  const refuse = (setting: string, problem: string): never => {
    throw new RangeError(`event type ${JSON.stringify(definition.name)}: ${setting} ${problem}`);
  };
  const duration = (setting: string, value: string): number => {
    try {
      return milliseconds(value);
    } catch (error) {
      return refuse(setting, (error as Error).message);
    }
  };
  const policy = (setting: string, given: Partial<RetryPolicy> | undefined, base: Duration): RetryMs => {
    const retry = {
      maxAttempts: given?.maxAttempts ?? 5,
      baseMs: duration(`${setting}.base`, given?.base ?? base),
      capMs: duration(`${setting}.cap`, given?.cap ?? '1h'),
      jitter: given?.jitter ?? 0.2,
    };
    if (!Number.isInteger(retry.maxAttempts) || retry.maxAttempts < 1 || retry.maxAttempts > 1_000) {
      refuse(`${setting}.maxAttempts`, `must be a whole number from 1 to 1,000, not ${retry.maxAttempts}`);
    }
    if (!(retry.jitter >= 0 && retry.jitter < 1))
      refuse(`${setting}.jitter`, `must be from 0 to below 1, not ${retry.jitter}`);
    return retry;
  };

  if (typeof definition.name !== 'string' || !new RegExp(TYPE_NAME_PATTERN).test(definition.name)) {
    refuse('name', 'must start with a letter and hold only letters, digits, dot, underscore and hyphen (at most 128)');
  }
  if (typeof definition.payload !== 'object') refuse('payload', 'must be a TypeBox schema');
  const { handle, workflow } = definition;
  if (workflow === undefined && typeof handle !== 'function') refuse('handle', 'must be a function');
  if (workflow !== undefined) {
    if (typeof workflow !== 'string' || workflow === '') refuse('workflow', 'must be the name of a workflow');
    for (const other of ['handle', 'handleAll', 'batch', 'long'] as const)
      if (definition[other] !== undefined) refuse('workflow', `and ${other} exclude each other`);
  }
  const { batch } = definition;
  if (batch !== undefined && (!Number.isInteger(batch) || batch < 2 || batch > 1_000)) {
    refuse('batch', `must be a whole number from 2 to 1,000, not ${batch}`);
  }
  const { priority, subject } = definition;
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 1 && priority <= 5))
    refuse('priority', `must be a whole number from 1 to 5, not ${priority}`);
  if (subject !== undefined && !/^(\/[^/]+)+$/.test(subject)) refuse('subject', 'must be a JSON pointer such as /user');
  const retentionMs = definition.retention === undefined ? undefined : duration('retention', definition.retention);
  if (retentionMs !== undefined && retentionMs < RETENTION_MS_MIN) refuse('retention', 'must be 30 days at least');
  const { orderBy, orderAfterExtinct = 'release' } = definition;
  if (orderBy !== undefined && (typeof orderBy !== 'string' || !ORDER_BY.test(orderBy)))
    refuse('orderBy', "must be a JSON pointer into the payload, such as '/account'");
  if (orderAfterExtinct !== 'release' && orderAfterExtinct !== 'hold')
    refuse('orderAfterExtinct', `must be 'release' or 'hold'`);
  if (batch !== undefined && definition.long) refuse('batch', 'and long exclude each other');
  return {
    ...(definition as unknown as EventTypeDefinition),
    kind: 'tem.eventType',
    handle: (handle ?? (() => runsAsWorkflow(definition.name))) as EventType['handle'],
    retry: policy('retry', definition.retry, '10s'),
    compensationRetry: policy('compensationRetry', definition.compensationRetry, '1s'),
    timeoutMs: duration('timeout', definition.timeout ?? (workflow === undefined ? '30s' : '24h')),
    retentionMs,
    ttlMs: definition.ttl === undefined ? undefined : duration('ttl', definition.ttl),
    alert: readAlert(definition.alert, duration, refuse),
    orderAfterExtinct,
    long: definition.long ?? false,
    version: definition.version ?? 1,
  };
}

function runsAsWorkflow(name: string): never {
  throw new Error(`the event type ${name} has no handler: it runs as a workflow`);
}

/** Whether a module's export is an event type. */
export function isEventType(value: unknown): value is EventType {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'tem.eventType';
}
