// What a mapping is, once it was checked: the table, how its rows are named and read, and where the documents go.

export interface Identity {
  column: string;
  /** As SQL names it, without a length. */
  type: string;
}

/** `profiles.id -> listings.user_id`: a changed profile rebuilds the listings that name it. */
export interface Dependency {
  from: { schema: string; table: string; column: string };
  to: { schema: string; table: string; column: string };
}

export interface Definition {
  /** The alias that searches name. */
  index: string;
  id: Identity[];
  where?: string | undefined;
  columns?: string[] | undefined;
  /** A query whose rows are the documents; it has the columns of `id`. */
  sql?: string | undefined;
  dependencies: Dependency[];
  targets: string[];
  /** Columns that suggestions are made of. */
  suggest: string[];
  /** Given by the caller instead of derived. */
  properties?: Record<string, unknown> | undefined;
  settings?: Record<string, unknown> | undefined;
}

export interface SearchIndex {
  id: string;
  target: string;
  /** The concrete index; writes go to its own alias, which is gone with it. */
  name: string;
  state: 'loading' | 'live' | 'kept' | 'lost' | 'cancelled';
  /** False while somebody is about to make it on its target: it isn't lost then. */
  made: boolean;
}

export interface Mapping extends Definition {
  /** Of tem.search_mapping. */
  mappingId: string;
  schema: string;
  table: string;
  /** What the queue's rows call the table. */
  queueName: string;
  /** Those that get every change: loading or live. */
  indices: SearchIndex[];
}

/** Only an index that TEM made has it: a write to it can't make an index by accident. */
export function writeAlias(indexName: string): string {
  return `tem-write-${indexName}`;
}

/** As the queue names a table: theirs are all in `public`. */
export function queueNameOf({ schema, table }: { schema: string; table: string }): string {
  return schema === 'public' ? table : `${schema}.${table}`;
}
