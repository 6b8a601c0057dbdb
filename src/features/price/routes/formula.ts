// The priority's weights and tiers over HTTP. A change is obeyed by what is computed from then on; `price.priorities` computes all.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { actorOf } from '../../../core/access/principal.ts';
import { audited } from '../../../core/audit.ts';
import type { RouteDependencies } from '../../../core/feature.ts';
import { problem, problems } from '../../../core/http/problem.ts';
import { Tier } from '../messages.ts';
import { TIER_NAMES } from '../rules/priority.ts';
import type { PriceSettings } from '../settings.ts';
import { type Formula, previewFormula, readFormula, writeFormula } from '../store/formula.ts';
import { NoQuery, TAGS } from './paging.ts';

const HOUR_MS = 3_600_000;
const strict = { additionalProperties: false } as const;
const Weight = Type.Optional(Type.Number({ minimum: 0, maximum: 100 }));
const Body = Type.Object(
  {
    weights: Type.Optional(
      Type.Object({ activeDeal: Weight, volatility: Weight, popularity: Weight, recency: Weight }, strict),
    ),
    tiers: Type.Optional(
      Type.Array(
        Type.Object(
          {
            tier: Tier,
            minPriority: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
            everyMs: Type.Optional(Type.Integer({ minimum: 60_000, maximum: 30 * 24 * HOUR_MS })),
          },
          strict,
        ),
        { maxItems: TIER_NAMES.length },
      ),
    ),
  },
  strict,
);
const Any = Type.Object({}, { additionalProperties: true });

export function formulaRoutes(app: FastifyInstance, { pool }: RouteDependencies<PriceSettings>): void {
  app.get(
    '/v1/price/formula',
    {
      schema: {
        operationId: 'getPriceFormula',
        tags: TAGS,
        summary: 'Weights and tiers',
        querystring: NoQuery,
        response: { 200: Any, ...problems() },
      },
    },
    async () => readFormula(pool),
  );

  app.put<{ Body: Static<typeof Body> }>(
    '/v1/price/formula',
    {
      schema: {
        operationId: 'putPriceFormula',
        tags: TAGS,
        summary: 'Change weights and tiers; what is not given stays',
        querystring: NoQuery,
        body: Body,
        response: { 200: Any, ...problems(400) },
      },
    },
    async (request) =>
      audited(pool, actorOf(request), async (client, audit) => {
        const before = await readFormula(client);
        const changed = merged(before, request.body);
        await writeFormula(client, changed);
        await audit({ action: 'formula.put', target: 'price', before, after: changed });
        return changed;
      }),
  );

  app.post<{ Body: Static<typeof Body> }>(
    '/v1/price/formula/preview',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'previewPriceFormula',
        tags: TAGS,
        summary: 'Products of each tier and checks an hour, as weights and tiers would make them; changes nothing',
        querystring: NoQuery,
        body: Body,
        response: { 200: Any, ...problems(400) },
      },
    },
    async ({ body }) => {
      const formula = merged(await readFormula(pool), body);
      const byTier = await previewFormula(pool, formula);
      const checksPerHour = formula.tiers.reduce(
        (sum, { tier, everyMs }) => sum + ((byTier[tier] ?? 0) * HOUR_MS) / everyMs,
        0,
      );
      return { byTier, checksPerHour: Math.round(checksPerHour) };
    },
  );
}

function merged(formula: Formula, body: Static<typeof Body>): Formula {
  const tiers = formula.tiers.map((tier) => ({ ...tier, ...body.tiers?.find((given) => given.tier === tier.tier) }));
  const falls = tiers.every(({ minPriority }, n) => n === 0 || minPriority <= (tiers[n - 1]?.minPriority ?? 100));
  if (!falls) throw problem(400, 'invalid_field', 'the tiers must have falling priorities', { path: '/tiers' });
  return { weights: { ...formula.weights, ...body.weights }, tiers };
}
