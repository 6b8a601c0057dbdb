// The environment, read and validated once. Nothing else in TEM reads it. An unknown TEM_* name or a bad value is a
// ConfigError with one line for every problem, so that a misspelt setting can't be silently ignored.

import { ACCESS_SETTINGS, type AccessSettings, readAccessSettings } from './access-settings.ts';
import { ALERT_SETTINGS, type AlertSettings, readAlertSettings } from './core/alerts/settings.ts';
import { WAITING_RUNS_MAX } from './core/attempt/waiting-runs.ts';
import { milliseconds } from './core/duration.ts';
import type { AnyFeature } from './core/feature.ts';
import { parseAllowedRange } from './core/outbound/addresses.ts';
import { readTracingSettings, type TracingSettings } from './core/tracing/settings.ts';
import { features as allFeatures } from './features.ts';
import { cacheFolderFrom, homeFrom } from './home-folder.ts';
import { LOG_SETTINGS, type LogSettings, readLogSettings } from './log-settings.ts';
import {
  apiKey,
  atLeastBytes,
  atLeastMs,
  atLeastOne,
  ConfigError,
  type Environment,
  httpUrl,
  isLoopback,
  isSetting,
  onOff,
  postgresUrl,
  readSettings,
  type SettingsReader,
  timeZone,
  whole,
} from './settings.ts';
import { readTemporalSettings, type TemporalSettings } from './temporal-settings.ts';

export { ConfigError } from './settings.ts';

export interface Config {
  /** Undefined: the embedded Postgres is used. */
  databaseUrl: string | undefined;
  /** Undefined: the embedded Temporal is used. */
  temporal: TemporalSettings;
  /** Where people find Temporal's Web UI, without a slash at its end; the console links to it. */
  temporalUiUrl: string | undefined;
  /** Where the embedded default keeps its data and its keys; undefined for a user without a home folder (`homeOf`). */
  home: string | undefined;
  /** TEM's folder in the user's cache, where a Temporal server that was built or downloaded is kept (`cacheFolderOf`). */
  cacheFolder: string | undefined;
  /** `portGiven`: TEM_PORT is set, so no other port will do. `url`: where the commands that talk to an API find it. */
  api: { host: string; port: number; portGiven: boolean; url: string | undefined };
  adminKey: string | undefined;
  access: AccessSettings;
  userTokenSecret: string | undefined;
  /** Secrets of features by their setting's name, several while rotating; none when the environment gives none. */
  secrets: Record<string, string[]>;
  /** What each feature's own settings say, by the feature's name. */
  features: Record<string, unknown>;
  /** Addresses, with a port or without, or CIDRs that outbound calls may reach although they are private. */
  outboundAllow: string[];
  /** Modules with the user's own event types: paths or package names. */
  eventTypeModules: string[];
  /** False: every event has a workflow of its own, also under a flood. */
  batch: boolean;
  unknownTypeAfterMs: number;
  retentionMs: number;
  /** The IANA name of the zone of recurring work that code brings and of reports. */
  timeZone: string;
  keyRetentionMs: number;
  worker: {
    /** Features whose types this worker runs; undefined: all. */
    features: string[] | undefined;
    /** Workflow runs in flight at most. */
    slots: number;
    /** Runs that wait in Temporal for their event's next try at most. */
    waitingRuns: number;
    /** How long a stopping worker waits for its attempts. */
    graceMs: number;
    /** Postgres connections for handlers' transactions. */
    connections: number;
    /** Where its figures are served; undefined: nowhere. */
    metricsPort: number | undefined;
    /** Resident MB beyond which it ends, to be started anew; undefined: never. */
    maxRssMb: number | undefined;
    /** The most time between two reconcile turns before a worker's watchdog runs one itself. */
    reconcileEveryMs: number;
  };
  /** Whose figures the API hands on beside its own. */
  metricsFrom: string[];
  /** How long the event loop of an API or a worker may be blocked before the process ends itself. */
  eventLoopTimeoutMs: number;
  /** Who is told of incidents. */
  alerts: AlertSettings;
  log: LogSettings;
  /** Undefined: no traces are sent. */
  tracing: TracingSettings | undefined;
  /** Ports of the embedded default; the next free one is taken when one is in use, and any for 0. */
  embedded: { postgresBin: string | undefined; postgresPort: number; temporalPort: number; temporalUiPort: number };
}

/** Every setting of the core, with what `tem --help` says of it; each feature brings its own. */
export const SETTINGS = {
  TEM_HOME: 'data, keys and logs of the embedded default (~/.tem)',
  TEM_HOST: 'address that the API listens on (127.0.0.1)',
  TEM_PORT: 'port of the API (3000)',
  TEM_API_URL: 'the API that send and events talk to',
  ...ACCESS_SETTINGS,
  TEM_TEMPORAL_UI_URL: "address of Temporal's Web UI, which the console links to (that of the embedded one)",
  TEM_ADMIN_KEY: 'API key, beyond loopback at least 16 bytes (made at the first start)',
  TEM_USER_TOKEN_SECRET: 'signs user tokens, beyond loopback at least 32 bytes (made at the first start)',
  TEM_OUTBOUND_ALLOW: 'private addresses, with a port if wanted, or CIDRs that outbound calls may reach (none)',
  TEM_EVENT_TYPES: 'modules with your own event types, separated by commas',
  TEM_BATCH: 'off: every event has a workflow of its own, also under a flood (on)',
  TEM_UNKNOWN_TYPE_AFTER: 'how long an event of an unknown type waits (24h)',
  TEM_RETENTION: 'how long ended events are kept (30d)',
  TEM_TIME_ZONE: 'time zone of recurring work (Europe/Istanbul)',
  TEM_KEY_RETENTION: 'how long the keys of ended events are remembered (90d)',
  TEM_FEATURES: 'features that this worker runs (all)',
  TEM_SLOTS: 'workflow runs in flight in a worker (40)',
  TEM_WAITING_RUNS: 'runs of a worker that wait in Temporal for a next attempt (1000)',
  TEM_GRACE: 'how long a stopping worker waits for its attempts (20s)',
  TEM_CONNECTIONS: "Postgres connections of a worker for handlers' transactions (10)",
  TEM_RECONCILE_EVERY: 'time between two reconcile turns (1m)',
  TEM_METRICS_PORT: 'port on which a worker serves its figures for Prometheus (none)',
  TEM_WORKER_MAX_RSS_MB: 'resident MB beyond which a worker ends in good order, exit code 6, to be started anew (none)',
  TEM_METRICS_FROM: "URLs of workers' figures that the API's /metrics hands on (none)",
  TEM_EVENT_LOOP_TIMEOUT: 'how long code may block an API or a worker before it ends itself (30s)',
  ...ALERT_SETTINGS,
  ...LOG_SETTINGS,
  TEM_POSTGRES_BIN: "folder with initdb and postgres, instead of TEM's own Postgres",
  TEM_POSTGRES_PORT: 'port of the embedded Postgres, 0 for any (5432)',
  TEM_TEMPORAL_PORT: 'port of the embedded Temporal, 0 for any (7233)',
  TEM_TEMPORAL_UI_PORT: 'port of its Web UI, 0 for any (8233)',
} as const;
const NO_HOME = 'this user has no home folder';
const RETENTION_MIN_MS = milliseconds('30d');
const EVENT_LOOP_TIMEOUT_MIN_MS = milliseconds('1s');
const ADMIN_KEY_MIN_BYTES = 16;
// HS256 needs a key as long as its hash.
const USER_TOKEN_SECRET_MIN_BYTES = 32;

/** Every setting with its help, those of the features included. */
export function allSettings(features: readonly AnyFeature[] = allFeatures): Record<string, string> {
  return Object.assign({}, SETTINGS, ...features.map((feature) => feature.settings?.help));
}

/** Reads the configuration. Throws a ConfigError that lists every problem, a line each. */
export function readConfig(environment: Environment, features: readonly AnyFeature[] = allFeatures): Config {
  const reader = readSettings(environment);
  const { text, list, parsed, each, problems } = reader;
  const host = text('TEM_HOST') ?? '127.0.0.1';
  // Who tries TEM out on one machine may take any key.
  const shortest = (bytes: number): number => (isLoopback(host) ? 1 : bytes);
  const config: Config = {
    databaseUrl: parsed('DATABASE_URL', undefined, postgresUrl),
    temporal: readTemporalSettings(environment, problems),
    temporalUiUrl: parsed('TEM_TEMPORAL_UI_URL', undefined, httpUrl),
    home: homeFrom(text('TEM_HOME')),
    cacheFolder: cacheFolderFrom(text('XDG_CACHE_HOME'), text('TEM_HOME')),
    api: {
      host,
      port: parsed('TEM_PORT', 3_000, whole(0, 65_535)),
      portGiven: text('TEM_PORT') !== undefined,
      url: parsed('TEM_API_URL', undefined, httpUrl),
    },
    access: readAccessSettings(reader),
    adminKey: parsed('TEM_ADMIN_KEY', undefined, apiKey(shortest(ADMIN_KEY_MIN_BYTES))),
    userTokenSecret: parsed('TEM_USER_TOKEN_SECRET', undefined, atLeastBytes(shortest(USER_TOKEN_SECRET_MIN_BYTES))),
    secrets: secretsOf(features, each),
    features: Object.fromEntries(
      features.flatMap(({ name, settings }) => (settings ? [[name, settings.read(reader)]] : [])),
    ),
    outboundAllow: each('TEM_OUTBOUND_ALLOW', parseAllowedRange),
    eventTypeModules: list('TEM_EVENT_TYPES', /\s*,\s*/),
    batch: parsed('TEM_BATCH', true, onOff),
    unknownTypeAfterMs: parsed('TEM_UNKNOWN_TYPE_AFTER', milliseconds('24h'), milliseconds),
    timeZone: parsed('TEM_TIME_ZONE', 'Europe/Istanbul', timeZone),
    retentionMs: parsed('TEM_RETENTION', RETENTION_MIN_MS, atLeastMs(RETENTION_MIN_MS, '30d')),
    keyRetentionMs: parsed('TEM_KEY_RETENTION', milliseconds('90d'), atLeastMs(RETENTION_MIN_MS, '30d')),
    worker: {
      features: parsed('TEM_FEATURES', undefined, () => atLeastOne(list('TEM_FEATURES'))),
      slots: parsed('TEM_SLOTS', 40, whole(2, 1_000)),
      waitingRuns: parsed('TEM_WAITING_RUNS', WAITING_RUNS_MAX, whole(0, 100_000)),
      graceMs: parsed('TEM_GRACE', milliseconds('20s'), milliseconds),
      connections: parsed('TEM_CONNECTIONS', 10, whole(1, 500)),
      metricsPort: parsed('TEM_METRICS_PORT', undefined, whole(1, 65_535)),
      maxRssMb: parsed('TEM_WORKER_MAX_RSS_MB', undefined, whole(50, 1_000_000)),
      reconcileEveryMs: parsed('TEM_RECONCILE_EVERY', milliseconds('1m'), milliseconds),
    },
    metricsFrom: each('TEM_METRICS_FROM', httpUrl),
    eventLoopTimeoutMs: parsed(
      'TEM_EVENT_LOOP_TIMEOUT',
      milliseconds('30s'),
      atLeastMs(EVENT_LOOP_TIMEOUT_MIN_MS, '1s'),
    ),
    alerts: readAlertSettings(reader),
    log: readLogSettings(reader),
    tracing: readTracingSettings(reader),
    embedded: {
      postgresBin: text('TEM_POSTGRES_BIN'),
      postgresPort: parsed('TEM_POSTGRES_PORT', 5_432, whole(0, 65_535)),
      temporalPort: parsed('TEM_TEMPORAL_PORT', 7_233, whole(0, 65_535)),
      temporalUiPort: parsed('TEM_TEMPORAL_UI_PORT', 8_233, whole(0, 65_535)),
    },
  };
  const known = allSettings(features);
  for (const name of Object.keys(environment)) {
    if (name.startsWith('TEM_') && !isSetting(known, name))
      problems.push(`${name}: unknown setting; see 'tem --help' for the names`);
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

function secretsOf(features: readonly AnyFeature[], each: SettingsReader['each']): Record<string, string[]> {
  const secrets = Object.entries(madeSecrets(features));
  return Object.fromEntries(secrets.map(([name, { check }]) => [name, each(name, check)]));
}

/** The secrets of the features that are made at the first start, by their setting's name. */
export function madeSecrets(
  features: readonly AnyFeature[] = allFeatures,
): Record<string, { check(secret: string): unknown; make(): string }> {
  return Object.assign({}, ...features.map((feature) => feature.settings?.secrets));
}

/** TEM_HOME, or its default. Throws a ConfigError where there is neither, so it is asked only where it is needed. */
export function homeOf({ home }: Pick<Config, 'home'>): string {
  if (home === undefined) throw new ConfigError(`TEM_HOME: ${NO_HOME}, set it to a folder for TEM's data and keys`);
  return home;
}

/** The same for the cache. */
export function cacheFolderOf({ cacheFolder }: Pick<Config, 'cacheFolder'>): string {
  if (cacheFolder === undefined) throw new ConfigError(`TEM_HOME: ${NO_HOME}, set it to a folder for what TEM keeps`);
  return cacheFolder;
}
