// The body of a new index: properties derived from the columns' types unless given, an analyser for Turkish and what
// suggestions need. gc_deletes keeps the versions of deletes for an hour, so that a late write can't bring a record back
// (rule 24).

import type { Definition } from '../mapping.ts';
import type { Column, Table } from '../source/table.ts';

export const GC_DELETES = '1h';
/** Attach warns below this where settings were given. */
const GC_DELETES_MIN_MS = 15 * 60_000;
/** Longer keywords are not indexed: Lucene refuses terms beyond 32,766 bytes, and a letter may have four. */
const KEYWORD_LENGTH_MAX = 8_000;
/** A document with 5,000 keys makes two fields of each. */
const FIELDS_MAX = 12_000;

const TEXT = { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: KEYWORD_LENGTH_MAX } } };
const BY_TYPE: Record<string, Record<string, unknown>> = {
  int2: { type: 'integer' },
  int4: { type: 'integer' },
  int8: { type: 'long' },
  oid: { type: 'long' },
  // As doubles: 0.637 is then the same number in a document and in a filter, which it isn't as a float.
  float4: { type: 'double' },
  float8: { type: 'double' },
  numeric: { type: 'double' },
  bool: { type: 'boolean' },
  date: { type: 'date' },
  timestamp: { type: 'date' },
  timestamptz: { type: 'date' },
  uuid: { type: 'keyword' },
  text: TEXT,
  varchar: TEXT,
  bpchar: TEXT,
  citext: TEXT,
  name: TEXT,
};
const KEYWORD = { type: 'keyword', ignore_above: KEYWORD_LENGTH_MAX };
const SUGGEST_FIELDS = {
  suggest: { type: 'text', analyzer: 'tem_turkish' },
  complete: { type: 'completion', analyzer: 'tem_turkish', preserve_separators: true },
};

/** JSON for `PUT /<index>`. */
export function indexBody(definition: Definition, table: Table): Record<string, unknown> {
  const properties = definition.properties ?? deriveProperties(definition, table);
  return {
    settings: {
      'index.gc_deletes': GC_DELETES,
      'index.mapping.total_fields.limit': FIELDS_MAX,
      'index.number_of_shards': 1,
      'index.number_of_replicas': 1,
      'index.auto_expand_replicas': '0-1',
      ...ANALYSIS,
      ...definition.settings,
    },
    mappings: { date_detection: false, properties: withSuggestions(properties, definition.suggest) },
  };
}

/** What is risky in settings that were given: versions of deletes that are forgotten sooner than a write may be late. */
export function settingsWarnings({ settings = {} }: Pick<Definition, 'settings'>): string[] {
  const within = (settings.index ?? {}) as Record<string, unknown>;
  const given = settings['index.gc_deletes'] ?? settings.gc_deletes ?? within.gc_deletes;
  if (given === undefined) return [];
  const ms = timeMs(String(given));
  if (ms !== undefined && (ms < 0 || ms >= GC_DELETES_MIN_MS)) return [];
  return [
    `index.gc_deletes is ${given}: a write that is later than that brings a deleted record back; leave it out (${GC_DELETES}), or set 15m at least`,
  ];
}

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time as both products write it. */
function timeMs(text: string): number | undefined {
  const [, amount, unit] = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * (UNITS_MS[unit] ?? 0);
}

// Turkish has four letters for i and I: lower-cased as Turkish does it, then folded to plain letters, `İSTANBUL`,
// `ıstanbul` and `istanbul` are one word.
const ANALYSIS = {
  'index.analysis.analyzer.tem_turkish.type': 'custom',
  'index.analysis.analyzer.tem_turkish.tokenizer': 'standard',
  'index.analysis.analyzer.tem_turkish.filter': ['apostrophe', 'tem_turkish_lowercase', 'asciifolding'],
  'index.analysis.filter.tem_turkish_lowercase.type': 'lowercase',
  'index.analysis.filter.tem_turkish_lowercase.language': 'turkish',
};

function deriveProperties({ columns, sql }: Definition, table: Table): Record<string, unknown> {
  // The columns of a query have types too, but what it joins may be anything: the target sees for itself.
  if (sql !== undefined) return {};
  const chosen = table.columns.filter(({ name }) => columns?.includes(name) ?? true);
  return Object.fromEntries(
    chosen.flatMap((column) => {
      const type = propertyOf(column);
      return type ? [[column.name, type]] : [];
    }),
  );
}

/** Undefined for what has no one shape, such as jsonb: the first document decides. */
function propertyOf({ baseType, kind }: Column): Record<string, unknown> | undefined {
  if (kind === 'enum') return KEYWORD;
  if (kind === 'composite' || baseType === 'json' || baseType === 'jsonb') return undefined;
  // An array of a type is that type to both products.
  const element = kind === 'array' ? baseType.replace(/^_/, '') : baseType;
  if (element === 'json' || element === 'jsonb') return undefined;
  return BY_TYPE[element] ?? (kind === 'array' ? undefined : KEYWORD);
}

function withSuggestions(properties: Record<string, unknown>, suggest: readonly string[]): Record<string, unknown> {
  const added = Object.fromEntries(
    suggest.map((name) => {
      const property = (properties[name] ?? TEXT) as { fields?: Record<string, unknown> };
      return [name, { ...property, fields: { ...property.fields, ...SUGGEST_FIELDS } }];
    }),
  );
  return { ...properties, ...added };
}
