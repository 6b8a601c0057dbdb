// What is said about price checks: payloads of the events, and the bodies and answers of the HTTP calls.

import { type Static, Type } from 'typebox';
import { ID_PATTERN, TITLE_LENGTH_MAX, URL_LENGTH_MAX } from './rules/import/row.ts';
import { TIER_NAMES } from './rules/priority.ts';

const strict = { additionalProperties: false } as const;

export const PRODUCTS_PER_CHECK_MAX = 1_000;

export const Id = Type.String({ minLength: 1, maxLength: 200, pattern: ID_PATTERN });
export const Tier = Type.Enum([...TIER_NAMES]);
export const Time = Type.String({ format: 'date-time' });
const Decimal = Type.String({ pattern: '^\\d{1,15}(\\.\\d{1,6})?$', description: 'an exact decimal' });
const Currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' });
const orNull = <Schema extends ReturnType<typeof Type.String>>(schema: Schema) => Type.Union([schema, Type.Null()]);

export const CheckPayload = Type.Object({ product: Id }, strict);
export type CheckPayload = Static<typeof CheckPayload>;

export const BatchPayload = Type.Object(
  { products: Type.Array(Id, { minItems: 1, maxItems: PRODUCTS_PER_CHECK_MAX }) },
  strict,
);
export const ChangedPayload = Type.Object(
  {
    product: Id,
    shop: Id,
    from: orNull(Decimal),
    to: Decimal,
    currency: orNull(Currency),
    at: Time,
  },
  strict,
);
export const SweepPayload = Type.Object({ tier: Type.Optional(Tier), all: Type.Optional(Type.Literal(true)) }, strict);
export type SweepPayload = Static<typeof SweepPayload>;
export const NoPayload = Type.Object({}, strict);

export const ShopBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }),
    adapter: Type.Enum(['json', 'html', 'module']),
    ratePerMinute: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, default: 100 })),
    maxInFlight: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 10 })),
    timeout: Type.Optional(
      Type.String({ pattern: '^\\d+(\\.\\d+)?(ms|s|m)$', default: '10s', description: 'at most 60s' }),
    ),
    settings: Type.Optional(
      Type.Object(
        {
          price: Type.Optional(Type.String({ maxLength: 500 })),
          currency: Type.Optional(Type.String({ maxLength: 500 })),
          title: Type.Optional(Type.String({ maxLength: 500 })),
          selector: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
          module: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
        },
        {
          ...strict,
          description: 'json: {price, currency?, title?} as JSON pointers; html: {selector?}; module: {module}',
        },
      ),
    ),
    locale: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$',
        description: 'how visible text is read: tr, de, en',
      }),
    ),
    robots: Type.Optional(Type.Boolean({ default: true, description: 'whether its robots.txt is obeyed' })),
  },
  strict,
);
export type ShopBody = Static<typeof ShopBody>;

export const ShopAnswer = Type.Object(
  {
    id: Id,
    name: Type.String(),
    adapter: Type.String(),
    ratePerMinute: Type.Integer(),
    maxInFlight: Type.Integer(),
    timeout: Type.String(),
    settings: Type.Record(Type.String(), Type.String()),
    locale: orNull(Type.String()),
    robots: Type.Boolean(),
    breaker: Type.Object({
      state: Type.Enum(['closed', 'open']),
      openUntil: orNull(Time),
      reason: orNull(Type.String()),
    }),
    presentRate: Type.Integer({ description: 'checks in a minute, of the last two minutes the better' }),
  },
  { additionalProperties: true },
);

export const ProductBody = Type.Object(
  {
    shop: Id,
    url: Type.String({ minLength: 1, maxLength: URL_LENGTH_MAX }),
    title: Type.Optional(Type.String({ maxLength: TITLE_LENGTH_MAX })),
    currency: Type.Optional(Currency),
    popularity: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
    activeDeal: Type.Optional(Type.Boolean()),
    price: Type.Optional(Decimal),
  },
  strict,
);
export type ProductBody = Static<typeof ProductBody>;

export const ProductAnswer = Type.Object(
  {
    id: Id,
    shop: Id,
    url: Type.String(),
    title: orNull(Type.String()),
    price: orNull(Decimal),
    currency: orNull(Currency),
    popularity: Type.Number(),
    activeDeal: Type.Boolean(),
    priority: Type.Number(),
    priorityParts: Type.Object({
      activeDeal: Type.Number(),
      volatility: Type.Number(),
      popularity: Type.Number(),
      recency: Type.Number(),
    }),
    tier: Tier,
    nextCheckAt: Time,
    lastCheckedAt: orNull(Time),
    lastError: Type.Optional(Type.Object({ code: Type.String(), detail: Type.String() })),
    createdAt: Time,
    updatedAt: Time,
  },
  { additionalProperties: true },
);

export const Priority = Type.Integer({ minimum: 1, maximum: 5, description: "the core's: 1 is first" });
export const CheckBody = Type.Union([Type.Object({ priority: Type.Optional(Priority) }, strict), Type.Null()]);
export const ChecksBody = Type.Object(
  {
    productIds: Type.Array(Id, { minItems: 1, maxItems: PRODUCTS_PER_CHECK_MAX }),
    priority: Type.Optional(Priority),
  },
  strict,
);
export const EventAnswer = Type.Object({ event: Type.String({ format: 'uuid' }) });
