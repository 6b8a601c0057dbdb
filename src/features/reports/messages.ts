// What is said about reports: their definitions, a run's event and what became of it.

import { type Static, Type } from 'typebox';

export const RECIPIENTS_MAX = 500;
export const ROWS_MAX = 10_000_000;
export const ROWS_DEFAULT = 1_000_000;
export const SECONDS_MAX = 3_600;
export const SECONDS_DEFAULT = 600;

export const ReportId = Type.String({ pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$' });

/** Each type with what its values are bound as. */
export const PARAMETER_TYPES = {
  text: 'text',
  string: 'text',
  integer: 'bigint',
  int: 'bigint',
  bigint: 'bigint',
  number: 'numeric',
  numeric: 'numeric',
  decimal: 'numeric',
  boolean: 'boolean',
  bool: 'boolean',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  uuid: 'uuid',
} as const;
export type ParameterType = keyof typeof PARAMETER_TYPES;

const ParameterValue = Type.Union([Type.String({ maxLength: 10_000 }), Type.Number(), Type.Boolean(), Type.Null()]);
export type ParameterValue = Static<typeof ParameterValue>;
export const ParameterValues = Type.Record(Type.String(), ParameterValue, { maxProperties: 50 });
export type ParameterValues = Record<string, ParameterValue>;

export const Recipients = Type.Array(
  Type.String({ minLength: 3, maxLength: 400, description: 'ada@example.com or Ada <ada@example.com>' }),
  { maxItems: RECIPIENTS_MAX },
);

export const Definition = Type.Object(
  {
    title: Type.String({ minLength: 1, maxLength: 300, pattern: '\\S' }),
    source: Type.String({
      pattern: '^[a-zA-Z0-9_]{1,60}$',
      description: '`ledger`, or the <NAME> of TEM_SOURCE_<NAME>',
    }),
    sql: Type.String({ minLength: 1, maxLength: 100_000, description: 'one query; :name is a parameter' }),
    parameters: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          {
            type: Type.Enum(Object.keys(PARAMETER_TYPES) as ParameterType[]),
            default: Type.Optional(ParameterValue),
          },
          { additionalProperties: false },
        ),
        { maxProperties: 50 },
      ),
    ),
    format: Type.Enum(['csv', 'xlsx', 'html']),
    recipients: Recipients,
    subject: Type.Optional(
      Type.String({ maxLength: 1_000, description: '{{title}}, {{date}}, {{rows}}, a parameter' }),
    ),
    body: Type.Optional(Type.String({ maxLength: 20_000 })),
    whenEmpty: Type.Optional(Type.Enum(['send', 'skip'])),
    timeZone: Type.Optional(Type.String({ maxLength: 100 })),
    rowLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: ROWS_MAX })),
    timeLimitSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX })),
    csv: Type.Optional(
      Type.Object(
        {
          bom: Type.Optional(Type.Boolean()),
          separator: Type.Optional(Type.Enum([',', ';', '\t', '|'])),
          decimalComma: Type.Optional(Type.Boolean()),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type Definition = Static<typeof Definition>;

export const ReportAnswer = Type.Object(
  { id: Type.String(), createdAt: Type.String(), updatedAt: Type.String() },
  { additionalProperties: true },
);

export const RunBody = Type.Object(
  {
    parameters: Type.Optional(ParameterValues),
    recipients: Type.Optional(Recipients),
    dryRun: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const ReportPayload = Type.Object(
  { report: ReportId, parameters: Type.Optional(ParameterValues), recipients: Type.Optional(Recipients) },
  { additionalProperties: false },
);
export type ReportPayload = Static<typeof ReportPayload>;
