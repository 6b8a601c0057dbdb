// The shapes of the API's messages, one TypeBox schema each: requests are checked with them, and the OpenAPI document is
// made of them.

import { type Static, type TSchema, Type } from 'typebox';
import { TYPE_NAME_PATTERN } from '../core/event-type.ts';

const STATES = ['QUEUED', 'PROCESSING', 'PROCESSED', 'FAILED', 'EXTINCT', 'CANCELLED'] as const;
const NO_CONTROL_CHARACTERS = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$';

const closed = { additionalProperties: false } as const;
export const Time = Type.String({ format: 'date-time', examples: ['2026-01-31T09:30:00.000Z'] });
export const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
export const State = Type.Unsafe<(typeof STATES)[number]>({ type: 'string', enum: [...STATES] });

export const NewEvent = Type.Object(
  {
    type: Type.String({
      pattern: TYPE_NAME_PATTERN,
      description: 'The name of an event type; GET /v1/event-types lists them.',
    }),
    payload: Type.Unknown({ description: "Any JSON value that the type's schema takes." }),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        pattern: NO_CONTROL_CHARACTERS,
        description:
          'Unique within the type: the same key and payload again make no second event. 1 to 512 bytes. Default: the id.',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5, description: '1 goes first. Default: as its type says, else 3.' }),
    ),
    group: Type.Optional(
      Type.String({ minLength: 1, maxLength: 512, description: 'Groups of a type take fair turns.' }),
    ),
    runAt: Type.Optional(
      Type.String({ format: 'date-time', description: 'Not before this time; one that has passed means now.' }),
    ),
    expiresAt: Type.Optional(
      Type.String({
        format: 'date-time',
        description: "Past it an attempt that hasn't begun ends the event EXTINCT. Default: as its type says.",
      }),
    ),
  },
  closed,
);
export type NewEvent = Static<typeof NewEvent>;

export const Waiting = Type.Object({
  reason: Type.String({ enum: ['due', 'slots', 'paused', 'rate', 'turn', 'behind'] }),
  until: Type.Optional(Time),
  detail: Type.String(),
});

export const Event = Type.Object({
  id: Type.String({ format: 'uuid' }),
  type: Type.String(),
  key: Type.String(),
  payload: Type.Unknown(),
  priority: Type.Integer(),
  group: nullable(Type.String()),
  runAt: nullable(Time),
  expiresAt: nullable(Time),
  state: State,
  retryCount: Type.Integer({ description: 'Attempts that failed so far.' }),
  maxAttempts: Type.Integer(),
  lastError: nullable(Type.String()),
  nextRetryAt: nullable(Time),
  lockedAt: nullable(Time),
  result: Type.Unknown({ description: 'What the handler returned, or null.' }),
  workflowId: Type.String({ description: 'The Temporal workflow that has the event, or will have it.' }),
  createdAt: nullable(Time),
  updatedAt: nullable(Time),
  processedAt: nullable(Time),
  source: Type.String({ description: 'http, sql, a schedule, or emit and the id of the emitter.' }),
  cancelRequested: Type.Boolean(),
  compensating: Type.Boolean(),
  compensationError: nullable(Type.String()),
  crashCount: Type.Integer({ description: 'Workers that were lost while they ran it.' }),
  pruned: Type.Boolean({ description: 'Its payload is gone after the retention time; its key still counts.' }),
  traceId: Type.Optional(Type.String({ description: 'Of the trace in which it was handed over.' })),
  waiting: Type.Optional(Waiting),
  previousPayloads: Type.Optional(
    Type.Array(Type.Object({ payload: Type.Unknown(), replacedAt: Time, actor: Type.String() }), {
      description: 'What its payload was before people edited it, newest first; only of one event.',
    }),
  ),
});

export const EventPage = Type.Object({ events: Type.Array(Event), nextCursor: nullable(Type.String()) });

export const BatchResult = Type.Object({
  accepted: Type.Integer(),
  duplicates: Type.Integer(),
  rejected: Type.Array(
    Type.Object({
      index: Type.Integer(),
      code: Type.String(),
      detail: Type.String(),
      path: Type.Optional(Type.String()),
    }),
  ),
  ids: Type.Array(nullable(Type.String({ format: 'uuid' })), {
    description: 'ids[i] belongs to events[i]; null where rejected.',
  }),
});

export const History = Type.Object({
  transitions: Type.Array(
    Type.Object({
      at: nullable(Time),
      from: nullable(State),
      to: State,
      attempt: nullable(Type.Integer()),
      error: nullable(Type.String()),
      actor: Type.String(),
    }),
  ),
});

const queryText = { maxLength: 512, pattern: NO_CONTROL_CHARACTERS } as const;
const payloadText = { type: 'string', minLength: 3, maxLength: 512, pattern: '^[^:]*[^:.]:' } as const;

/** What finds events, in the query of the list and in the filter of a redrive alike. */
export const filterFields = {
  state: Type.Optional(
    Type.String({
      pattern: `^(${STATES.join('|')})(,(${STATES.join('|')}))*$`,
      maxLength: 100,
      description: `One or several of ${STATES.join(', ')}, separated by commas.`,
    }),
  ),
  type: Type.Optional(Type.String(queryText)),
  group: Type.Optional(Type.String(queryText)),
  key: Type.Optional(Type.String(queryText)),
  q: Type.Optional(
    Type.String({
      minLength: 1,
      ...queryText,
      description:
        'Part of a key, an id, an error or a payload, in any case; payloads of types with secret fields are left out. Reads event after event: narrow it by state, type or time on a large ledger. Two searches run at once; when too many wait, 503.',
    }),
  ),
  payload: Type.Optional(
    Type.Unsafe<string | string[]>({
      anyOf: [payloadText, { type: 'array', items: payloadText, minItems: 1, maxItems: 8 }],
      description:
        'A value in the payload, such as order.id:123; several must all hold. A number is compared with all its digits, and with text that looks like it; "123" in quotes with text alone. Searches as q does.',
    }),
  ),
  fingerprint: Type.Optional(
    Type.String({
      ...queryText,
      description: 'Of their error: FAILED and EXTINCT events of one group of /v1/failures.',
    }),
  ),
  retrying: Type.Optional(
    Type.Boolean({ description: 'true: an attempt has failed, and the event has not ended. Searches as q does.' }),
  ),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Created at this time or later.' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Created before this time.' })),
};

export const EventQuery = Type.Object(
  {
    ...filterFields,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })),
    cursor: Type.Optional(Type.String({ maxLength: 100, description: 'nextCursor of the page before.' })),
  },
  closed,
);

export const NoQuery = Type.Object({}, closed);
export const IdParams = Type.Object({ id: Type.String() });

const Retry = Type.Object({
  maxAttempts: Type.Integer(),
  base: Type.String({ examples: ['10s'] }),
  cap: Type.String({ examples: ['1h'] }),
  jitter: Type.Number(),
});

const Policy = Type.Object({
  retry: nullable(Retry),
  timeout: nullable(Type.String()),
  priority: nullable(Type.Integer()),
  batch: nullable(Type.Integer()),
});

export const EventTypeAnswer = Type.Object({
  name: Type.String(),
  version: nullable(Type.Integer()),
  schema: Type.Unknown({ description: "The payload's JSON Schema." }),
  ...Policy.properties,
  compensationRetry: nullable(Retry),
  ttl: nullable(Type.String()),
  long: nullable(Type.Boolean()),
  orderBy: nullable(Type.String({ description: 'Events with the same value there run one at a time.' })),
  orderAfterExtinct: nullable(Type.Unsafe<'release' | 'hold'>({ type: 'string', enum: ['release', 'hold'] })),
  keyPrivate: nullable(Type.Boolean()),
  compensates: nullable(Type.Boolean()),
  alert: nullable(
    Type.Object({
      extinct: nullable(Type.Object({ count: Type.Integer(), window: Type.String() })),
      oldestQueued: nullable(Type.String()),
    }),
  ),
  subject: nullable(Type.String({ description: 'Where its payload names the person that it is about.' })),
  workers: Type.Integer({ description: 'Live workers that run it.' }),
  override: nullable(
    Type.Object(
      {
        retry: Type.Optional(Type.Partial(Retry)),
        timeout: Type.Optional(Type.String()),
        priority: Type.Optional(Type.Integer()),
        batch: Type.Optional(nullable(Type.Integer())),
      },
      { description: "What is set in the place of its code's." },
    ),
  ),
  code: nullable(
    Type.Object(Policy.properties, { description: 'What its code says, when something is set in its place.' }),
  ),
});

export const EventTypesAnswer = Type.Object({
  eventTypes: Type.Array(EventTypeAnswer),
  nextCursor: nullable(Type.String({ description: 'Always null: all of them fit in one answer.' })),
});
