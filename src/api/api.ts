// What the API's routes are made of: the typed Fastify that they register on, and what they share.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Pool } from 'pg';
import type { Accepter } from '../core/ledger/accepter.ts';
import type { StatsReader } from '../core/ledger/stats.ts';
import type { TypeDirectory } from '../core/ledger/type-directory.ts';
import type { Incoming } from './incoming.ts';
import type { Metrics } from './metrics.ts';
import type { ReadinessReader } from './readiness.ts';

export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What the core's routes share. */
export interface ApiCore {
  pool: Pool;
  accepter: Accepter;
  incoming: Incoming;
  directory: TypeDirectory;
  /** Names of flows beside those of event types: a feature's own calls have one of its name. */
  flowNames: ReadonlySet<string>;
  stats: StatsReader;
  readiness: ReadinessReader;
  metrics: Metrics;
}
