// What is said about search sync over HTTP.

import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 1, maxItems: 1_000 });
const nullable = <Schema extends Parameters<typeof Type.Array>[0]>(schema: Schema) => Type.Union([schema, Type.Null()]);

export const MappingInput = Type.Object(
  {
    index: Type.String({ minLength: 1, maxLength: 200, description: 'The alias that searches name.' }),
    id: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: 1_000 }), Names], {
        description: "The column that names a row, or several; by default the table's primary key.",
      }),
    ),
    where: Type.Optional(
      Type.String({ description: "A condition over the row: what doesn't meet it is not in the index." }),
    ),
    columns: Type.Optional(Names),
    sql: Type.Optional(
      Type.String({ description: 'A query whose rows are the documents, instead of where and columns.' }),
    ),
    dependencies: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 1_000 }), {
        maxItems: 50,
        description: '`profiles.id -> listings.user_id`: a change of the one rebuilds the documents of the other.',
      }),
    ),
    target: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: 1_000 }), Names], {
        description: 'One or several targets by name.',
      }),
    ),
    suggest: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 10 })),
    mapping: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: "The index's `properties`, instead of derived ones." }),
    ),
    settings: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'Further settings of the index.' }),
    ),
  },
  closed,
);
export type MappingInput = Static<typeof MappingInput>;

export const MappingAnswer = Type.Object({
  table: Type.String(),
  index: Type.String(),
  id: Type.Array(Type.String()),
  where: nullable(Type.String()),
  columns: nullable(Type.Array(Type.String())),
  sql: nullable(Type.String()),
  dependencies: Type.Array(Type.String()),
  target: Type.Array(Type.String()),
  suggest: Type.Array(Type.String()),
  indices: Type.Array(Type.Unknown(), { description: 'The concrete indices, with the progress of their load.' }),
  verifiedAt: nullable(Type.String({ format: 'date-time' })),
  verification: Type.Unknown(),
  said: Type.Optional(Type.Array(Type.String(), { description: 'What was altered on a queue that was there before.' })),
});

const Count = Type.Integer({ minimum: 0 });

export const QueueStats = Type.Object({
  total: Count,
  pending: Count,
  processing: Count,
  completed: Count,
  failed: Count,
  stuck: Count,
  avgProcessingTime: Type.Number({ description: 'Milliseconds from the change to the index, on average.' }),
  lastProcessedAt: nullable(Type.String({ format: 'date-time' })),
});
export type QueueStats = Static<typeof QueueStats>;

export const QueueHealth = Type.Object({
  status: Type.Enum(['healthy', 'degraded', 'unhealthy']),
  issues: Type.Array(Type.String()),
  recommendations: Type.Array(Type.String()),
  stuckJobs: Count,
  errorRate: Type.Number({ description: 'Percent of what was processed in the last 5 minutes.' }),
});
export type QueueHealth = Static<typeof QueueHealth>;

export const JobsQuery = Type.Object(
  {
    status: Type.Optional(Type.Enum(['pending', 'processing', 'completed', 'failed'])),
    table: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })),
  },
  closed,
);

export const QueueJob = Type.Object({
  id: Type.String(),
  table_name: Type.String(),
  operation: Type.String(),
  record_id: Type.String(),
  change_data: Type.Unknown(),
  status: Type.String(),
  retry_count: Type.Integer(),
  error_message: nullable(Type.String()),
  created_at: nullable(Type.String()),
  processed_at: nullable(Type.String()),
});

export const JobsAnswer = Type.Object({
  jobs: Type.Array(QueueJob),
  total: Count,
  page: Type.Integer(),
  limit: Type.Integer(),
});

const Done = { success: Type.Boolean(), message: Type.String() };
export const RetriedAnswer = Type.Object({ retried: Count, ...Done });
export const ClearedAnswer = Type.Object({ cleared: Count, dropped: Type.Record(Type.String(), Count), ...Done });
export const SwitchedAnswer = Type.Object(Done);
export const Confirmation = Type.Object({ confirm: Type.Literal(true) }, closed);

export const TableInput = Type.Object({ table: Type.String({ minLength: 1, maxLength: 300 }) }, closed);
export const VerifyInput = Type.Object(
  {
    table: Type.String({ minLength: 1, maxLength: 300 }),
    repair: Type.Optional(Type.Boolean({ default: false })),
    withinSeconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 600, default: 60, description: 'How long this call may go on comparing.' }),
    ),
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 10_000, description: 'nextCursor of the answer before: goes on there.' }),
    ),
  },
  closed,
);

export const LoadAnswer = Type.Object({
  id: Type.String(),
  table: Type.String(),
  index: Type.String(),
  target: Type.String(),
  state: Type.String({ description: 'loading, live, kept (replaced), lost or cancelled' }),
  loaded: Count,
  total: nullable(Count),
  event: nullable(Type.String({ format: 'uuid' })),
  error: nullable(Type.String()),
});

export const VerifyAnswer = Type.Object({
  checked: Count,
  missing: Count,
  stale: Count,
  extra: Count,
  repaired: Count,
  records: Type.Array(Type.Unknown(), { description: 'The first that differ.' }),
  nextCursor: nullable(
    Type.String({
      description:
        'Not null: time was up before the end. Send it as `cursor` to go on; the counts are those of all parts until there.',
    }),
  ),
});

export const ConnectionAnswer = Type.Object({
  ok: Type.Boolean(),
  product: nullable(Type.String()),
  version: nullable(Type.String()),
  latencyMs: nullable(Type.Number()),
  detail: Type.Optional(Type.String()),
});

export const SuggestQuery = Type.Object(
  {
    q: Type.String({ minLength: 1, maxLength: 200 }),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, default: 10 })),
  },
  closed,
);
export const SuggestAnswer = Type.Object({
  suggestions: Type.Array(Type.Object({ id: Type.String(), text: Type.String(), score: Type.Number() })),
});

/** One record whose document a target refuses. */
export const DocumentPayload = Type.Object({ table: Type.String({ minLength: 1 }), id: Type.String() }, closed);
export const LoadPayload = Type.Object({ index: Type.String({ pattern: '^[0-9]{1,18}$' }) }, closed);
