// What every source of rows is: one query, read in batches, whose values are as the source prints them.

import type { BoundQuery } from '../parameters.ts';
import type { Rows } from './rows.ts';

/** What a column's values are, from its type: it decides how they are written, never how a value looks. */
export type Kind = 'number' | 'boolean' | 'date' | 'timestamp' | 'plain' | 'text';

export interface Column {
  name: string;
  /** As the source calls it. */
  type: string;
  kind: Kind;
}

export interface Reading extends BoundQuery {
  timeZone: string;
  withinMs: number;
  /** Rows that the caller takes at most. */
  rowsMax: number;
  signal?: AbortSignal | undefined;
}

export interface Source {
  /** `use` is called once the first rows are there. Rejects with QueryFailed when the source refuses or is too slow. */
  read<Result>(
    reading: Reading,
    use: (columns: Column[], batches: AsyncIterable<Rows>) => Promise<Result>,
  ): Promise<Result>;
}

/** The source refused the query, or didn't answer in time. The message is for the person who wrote the query. */
export class QueryFailed extends Error {
  override readonly name = 'QueryFailed';

  constructor(
    message: string,
    /** Whether the same query may go well later. */
    readonly mayPass: boolean,
  ) {
    super(message);
  }
}
