// A feature is a slice under src/features: its event types, its routes and what it runs beside them. The core knows
// features only through this interface.

import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { EventType } from './event-type.ts';
import type { Outbound } from './outbound/index.ts';

export interface FeatureDependencies {
  config: Config;
  /** TEM's Postgres, for reads and a feature's own writes; handlers use their `tx`. */
  pool: Pool;
  log: Logger;
  /** The one HTTP client for addresses that come from data. */
  outbound: Outbound;
}

/** Who calls: the holder of an API key, or an end user with a token that the application signed. */
export type Principal = { kind: 'key'; role: 'admin' } | { kind: 'user'; user: string };

export interface Auth {
  /** Who holds this API key or user token; undefined when it is neither. Never throws for a bad token. */
  authenticate(token: string): Promise<Principal | undefined>;
}

/** What a feature's routes get. Long-lived connections that they open end in a `preClose` hook of `app`. */
export interface RouteDependencies extends FeatureDependencies {
  auth: Auth;
  /** For LISTEN, which needs a session of its own. */
  databaseUrl: string;
}

export interface Feature {
  name: string;
  /** Types of this feature; made once per process. */
  eventTypes(dependencies: FeatureDependencies): EventType[];
  /** Registers routes on the API; runs inside its own Fastify plugin scope. */
  routes?(app: FastifyInstance, dependencies: RouteDependencies): void | Promise<void>;
}
