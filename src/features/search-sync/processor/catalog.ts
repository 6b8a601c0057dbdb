// The mappings as a processor holds them: read again when the revision that a claim saw is another.

import type pg from 'pg';
import type { Mapping } from '../mapping.ts';
import { readQueueTable } from '../queue/table.ts';
import { readMappings } from '../store.ts';

export interface Catalog {
  mappings: readonly Mapping[];
  byQueueName(name: string): Mapping | undefined;
  byIndex(id: string): Mapping | undefined;
  /** The type of the queue's ids; undefined while there is no queue. */
  idType: string | undefined;
}

export interface CatalogReader {
  /** As of this revision or later; without one, as of now. */
  read(revision?: string): Promise<Catalog>;
  last(): Catalog | undefined;
}

export function createCatalogReader(pool: pg.Pool): CatalogReader {
  let kept: { revision: string; catalog: Catalog } | undefined;
  return {
    last: () => kept?.catalog,
    async read(revision) {
      if (kept && revision !== undefined && kept.revision === revision) return kept.catalog;
      // The revision first: what is read after it is at least as new.
      const { rows } = await pool.query<{ revision: string }>('select revision::text from tem.search_state');
      const now = rows[0]?.revision ?? '0';
      if (kept?.revision === now && kept.catalog.idType !== undefined) return kept.catalog;
      const mappings = await readMappings(pool);
      const queue = await readQueueTable(pool);
      const byName = new Map(mappings.map((mapping) => [mapping.queueName, mapping]));
      const byIndex = new Map(mappings.flatMap((mapping) => mapping.indices.map(({ id }) => [id, mapping] as const)));
      const catalog: Catalog = {
        mappings,
        byQueueName: (name) => byName.get(name),
        byIndex: (id) => byIndex.get(id),
        idType: queue?.idType,
      };
      kept = { revision: now, catalog };
      return catalog;
    },
  };
}
