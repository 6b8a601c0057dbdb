// A feature is a slice under src/features, described by one value. The core knows features only through this interface.
// Its index.ts is read by every command, also by those that need nothing of it: parts that load more than types are
// functions that import their file when they are called.

import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import type { FastifyInstance } from 'fastify';
import type { Pool, PoolClient } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import type { SettingsReader } from '../settings.ts';
import type { Principal } from './access/principal.ts';
import type { Condition } from './alerts/condition.ts';
import type { EventType } from './event-type.ts';
import type { Flows } from './flows/index.ts';
import type { Finding } from './health/finding.ts';
import type { WebSockets } from './http/web-sockets.ts';
import type { AcceptInput, AcceptOutcome } from './ledger/accept.ts';
import type { Listener } from './ledger/listener.ts';
import type { Outbound } from './outbound/index.ts';
import type { CodeSchedule } from './schedule.ts';

export interface FeatureDependencies<Values = unknown> {
  config: Config;
  /** What the feature's own `settings.read` made of the environment. */
  settings: Values;
  /**
   * TEM's Postgres, for reads and a feature's own writes. Not the connections of handlers' `tx`: who holds one of those may
   * wait for this pool.
   */
  pool: Pool;
  log: Logger;
  /** The one HTTP client for addresses that come from data. */
  outbound: Outbound;
}

/**
 * Accepts events as `POST /v1/events` does, payloads checked by their types; outcomes in the order of the inputs, an Error
 * in the place of one that is refused. All others are committed together. Throws LedgerUnavailable.
 */
export type Accept = (events: readonly Omit<AcceptInput, 'id'>[]) => Promise<(AcceptOutcome | Error)[]>;

export interface Auth {
  /**
   * Who holds this API key or user token; undefined when it is neither. Rejects only when the ledger is away. `hash`: hashOf the token,
   * where the caller has it.
   */
  authenticate(token: string, hash?: Buffer): Promise<Principal | undefined>;
}

/** What a feature's routes get. Long-lived connections that they open end in a `preClose` hook of `app`. */
export interface RouteDependencies<Values = unknown> extends FeatureDependencies<Values> {
  auth: Auth;
  accept: Accept;
  /** Connects at its first call. */
  temporal: Client;
  /** For LISTEN, which needs a session of its own. */
  databaseUrl: string;
  /** WebSockets by path. */
  webSockets: WebSockets;
}

/** What the parts of a feature get that run in a worker beside the relay. */
export interface WorkerDependencies<Values = unknown> extends FeatureDependencies<Values> {
  workerId: string;
  ledgerId: string;
  accept: Accept;
  temporal: Client;
  /**
   * The payload of an event, as its handler would get it: for the workflow of an event type, which is given ids only.
   * Undefined when there is no such event.
   */
  payloadOf(event: string): Promise<unknown>;
  /** Where this worker's workflows and activities run. */
  taskQueue: string;
  /** LISTEN on the worker's one connection for it. */
  listener: Listener;
  /** The flows that people set: `take` before each call of the feature's own. */
  flows: Flows;
  databaseUrl: string;
}

/** Something that runs beside the relay in a worker, from its start to its stop. */
export interface BackgroundPart {
  name: string;
  /** `oneWorker`: on the one worker that holds its lease in the ledger; started on another when that one is gone. */
  on: 'everyWorker' | 'oneWorker';
  /** Must not wait for what may be away: such work belongs into its own loop. */
  start(): void | Promise<void>;
  /** Resolves when nothing of it runs any more. */
  stop(): void | Promise<void>;
}

export interface FeatureSettings<Values> {
  /** Each setting with what `tem --help` says of it; `TEM_SOURCE_<NAME>` stands for all names that begin so. */
  help: Readonly<Record<string, string>>;
  /** Reads them; what is wrong becomes a problem of the reader's, and the process doesn't start. */
  read(reader: SettingsReader): Values;
  /** Secrets by their setting's name, made at the first start of the embedded default: `config.secrets` has them. */
  secrets?: Readonly<Record<string, { check(secret: string): unknown; make(): string }>>;
}

/** What `tem` lends to the commands of features. */
export interface CommandTools {
  /** Read from the environment when it is asked for. */
  config(): Config;
  /** The API as every command finds it. Throws what `failure` makes, or a ConfigError. */
  api(): CommandApi;
  /** The port of this machine that `tem up` lets a demonstration's servers have; undefined where it doesn't run, or has none. */
  demoPort(): number | undefined;
  /** To be thrown: its message is the whole output. `usage`: what the person gave is wrong. */
  failure(kind: 'failed' | 'usage', message: string): Error;
  /** The end of a command's help: examples, a line each, and the exit codes. */
  helpEnd(examples: string[]): string;
}

export interface CommandApi {
  url: string;
  /** Resolves to status and JSON of a success; throws for everything else, in words. */
  request(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: string,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  /** POSTs a body of any length and takes as long as that takes. */
  upload(
    path: string,
    body: AsyncIterable<Uint8Array> | string,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
}

/** `tem <name> ...`, loaded only when it is called. */
export interface FeatureCommand {
  name: string;
  description: string;
  load(): Promise<(command: Command, tools: CommandTools) => void>;
}

/** Activities by name. The name is durable, and begins with the feature's: `price.checkSlice`. */
// biome-ignore lint/suspicious/noExplicitAny: each has its own input
export type FeatureActivities = Record<string, (input: any) => Promise<unknown>>;

export interface Feature<Values = unknown> {
  /** Letters of lower case, digits and hyphens; its folder's name. */
  name: string;
  settings?: FeatureSettings<Values>;
  /** Made once per process, API and worker alike. */
  eventTypes?(dependencies: FeatureDependencies<Values>): EventType[] | Promise<EventType[]>;
  /** Names of its workflows, which its workflows.ts exports and src/workflows/index.ts hands on. */
  workflows?: readonly string[];
  activities?(dependencies: WorkerDependencies<Values>): FeatureActivities | Promise<FeatureActivities>;
  /** Recurring work that its code brings. */
  schedules?(dependencies: FeatureDependencies<Values>): readonly CodeSchedule[];
  background?(dependencies: WorkerDependencies<Values>): BackgroundPart[] | Promise<BackgroundPart[]>;
  /** Registers routes on the API; runs inside its own Fastify plugin scope. */
  routes?(app: FastifyInstance, dependencies: RouteDependencies<Values>): void | Promise<void>;
  commands?: readonly FeatureCommand[];
  /** Registers figures of the API (`in: 'api'`, about the ledger) or of this worker; a Gauge's `collect` reads them. */
  metrics?(
    registry: Registry,
    dependencies: FeatureDependencies<Values> & { in: 'api' | 'worker' },
  ): void | Promise<void>;
  /** Lines for doctor and readyz: what is wrong of its own. Rejects only when the ledger is away. */
  health?(dependencies: FeatureDependencies<Values>): Promise<Finding[]>;
  /** What is wrong just now and an operator is to be told of, once while it lasts (rule 22). */
  alerts?(dependencies: FeatureDependencies<Values>): Promise<Condition[]>;
  /** Deletes a slice of what is old; resolves to whether more may be left. Called by the reconciler, a few times a turn. */
  prune?(dependencies: FeatureDependencies<Values>): Promise<boolean>;
  /**
   * Erases a slice of its own rows that name this person, in the transaction of `client`; resolves to how many. Called until
   * none is left. Its events are erased by their types' `subject`.
   */
  erase?(client: PoolClient, subject: string): Promise<number>;
}

/** A feature whose settings only it knows. */
// biome-ignore lint/suspicious/noExplicitAny: the list of features holds features of all settings
export type AnyFeature = Feature<any>;
