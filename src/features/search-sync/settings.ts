// The settings of search sync, read once. A target is known by a name: `TEM_SEARCH_URL` is `default`, and
// `TEM_SEARCH_URL_<NAME>` is `<name>`.

import { readFileSync } from 'node:fs';
import { milliseconds } from '../../core/duration.ts';
import type { FeatureSettings } from '../../core/feature.ts';
import { httpUrl, onOff, type SettingsReader, whole } from '../../settings.ts';

export const DEFAULT_TARGET = 'default';

export interface TargetSettings {
  name: string;
  /** May carry a user and a password. */
  url: string;
  apiKey: string | undefined;
  /** PEM of the authority that signed the target's certificate. */
  ca: string | undefined;
}

export interface SearchSettings {
  /** By name; empty: the feature is off. */
  targets: Record<string, TargetSettings>;
  /** How long completed rows stay in the queue. */
  keepCompletedMs: number;
  /** Attempts of one document that a target refuses. */
  attempts: number;
  /** After this a row in processing counts as stuck. */
  stuckAfterMs: number;
  /** Waiting rows of which each is kept, and beyond which TEM only remembers that tables must be compared. */
  queueMax: number;
  /** Between two comparisons of every mapping; 0: none. */
  verifyEveryMs: number;
  /** Whether a comparison repairs what it finds. */
  repair: boolean;
  /** Rows a second that a comparison in the background reads. */
  verifyRate: number;
  /** How long an index that was replaced is kept. */
  keepReplacedMs: number;
  /** Suggestions a minute for one caller. */
  suggestPerMinute: number;
}

export const searchSettings: FeatureSettings<SearchSettings> = {
  help: {
    TEM_SEARCH_URL: 'Elasticsearch 8/9 or OpenSearch 2/3 that tables are mirrored to (search sync is off without it)',
    'TEM_SEARCH_URL_<NAME>': 'a further target, by name',
    TEM_SEARCH_API_KEY: 'API key for TEM_SEARCH_URL, instead of user:password@ in it',
    'TEM_SEARCH_API_KEY_<NAME>': 'the same for a further target',
    TEM_SEARCH_CA_FILE: "PEM file of the authority behind the target's certificate",
    'TEM_SEARCH_CA_FILE_<NAME>': 'the same for a further target',
    TEM_SEARCH_KEEP_COMPLETED: 'how long completed rows stay in the queue (7d)',
    TEM_SEARCH_ATTEMPTS: 'attempts of a document that the target refuses (3)',
    TEM_SEARCH_STUCK_AFTER: 'after this a row in processing counts as stuck (30s)',
    TEM_SEARCH_QUEUE_MAX: 'waiting rows at most; beyond, tables are compared as a whole afterwards (5000000)',
    TEM_SEARCH_VERIFY_EVERY: 'time between two comparisons of database and index, 0s for none (1h)',
    TEM_SEARCH_REPAIR: 'on: a comparison repairs what it finds (off)',
    TEM_SEARCH_VERIFY_RATE: 'rows a second that a comparison in the background reads (500)',
    TEM_SEARCH_KEEP_REPLACED: 'how long an index that a reindex has replaced is kept (1d)',
    TEM_SEARCH_SUGGEST_PER_MINUTE: 'suggestions a minute for one caller (600)',
  },
  read: readSearchSettings,
};

function readSearchSettings(reader: SettingsReader): SearchSettings {
  const { parsed } = reader;
  return {
    targets: readTargets(reader),
    keepCompletedMs: parsed('TEM_SEARCH_KEEP_COMPLETED', milliseconds('7d'), milliseconds),
    attempts: parsed('TEM_SEARCH_ATTEMPTS', 3, whole(1, 100)),
    stuckAfterMs: parsed('TEM_SEARCH_STUCK_AFTER', milliseconds('30s'), milliseconds),
    queueMax: parsed('TEM_SEARCH_QUEUE_MAX', 5_000_000, whole(1_000, 1_000_000_000)),
    verifyEveryMs: parsed('TEM_SEARCH_VERIFY_EVERY', milliseconds('1h'), milliseconds),
    repair: parsed('TEM_SEARCH_REPAIR', false, onOff),
    verifyRate: parsed('TEM_SEARCH_VERIFY_RATE', 500, whole(1, 100_000)),
    keepReplacedMs: parsed('TEM_SEARCH_KEEP_REPLACED', milliseconds('1d'), milliseconds),
    suggestPerMinute: parsed('TEM_SEARCH_SUGGEST_PER_MINUTE', 600, whole(1, 1_000_000)),
  };
}

function readTargets(reader: SettingsReader): Record<string, TargetSettings> {
  const further = reader.family('TEM_SEARCH_URL_<NAME>');
  const targets: Record<string, TargetSettings> = {};
  const add = (name: string, suffix: string): void => {
    const url = reader.parsed(`TEM_SEARCH_URL${suffix}`, undefined, httpUrl);
    if (url === undefined) return;
    targets[name] = {
      name,
      url,
      apiKey: reader.text(`TEM_SEARCH_API_KEY${suffix}`),
      ca: reader.parsed(`TEM_SEARCH_CA_FILE${suffix}`, undefined, readPem),
    };
  };
  add(DEFAULT_TARGET, '');
  for (const [name, setting] of Object.entries(further)) add(name, setting.slice('TEM_SEARCH_URL'.length));
  return targets;
}

function readPem(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new RangeError(`${path} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new RangeError(`${path} holds no certificate in PEM`);
  return text;
}

/** What is said wherever the feature is asked for and no target is set. */
export const OFF =
  'search sync is off: set TEM_SEARCH_URL to an Elasticsearch 8/9 or OpenSearch 2/3 and start again, or try `tem search demo`';
