// Reads the tables that documents depend on, written as `profiles.id -> listings.user_id`, and refuses those that lead nowhere.

import type pg from 'pg';
import type { Dependency } from '../mapping.ts';
import { quoted, readTable, readTableName, type Table } from '../source/table.ts';
import { columnNames, refuse } from './refused.ts';

/** `profiles.id -> listings.user_id`, tables with or without a schema. */
export function readDependency(text: string, path: string): Dependency {
  const sides = text.split(/\s*->\s*/).map((side) => {
    const at = side.lastIndexOf('.');
    const table = at < 1 ? undefined : readTableName(side.slice(0, at).trim());
    const column = side.slice(at + 1).trim();
    return table && column !== ''
      ? { schema: table.schema, table: table.name, column: column.replaceAll(/^"|"$/g, '') }
      : undefined;
  });
  const [from, to] = sides;
  if (sides.length !== 2 || !from || !to) {
    return refuse('invalid_field', path, `'${text}' is no dependency: write it as profiles.id -> listings.user_id`);
  }
  return { from, to };
}

export async function checkDependencies(
  pool: pg.Pool,
  dependencies: Dependency[],
  root: { schema: string; name: string },
): Promise<Table[]> {
  const tables: Table[] = [];
  for (const [index, { from, to }] of dependencies.entries()) {
    for (const [side, { schema, table, column }] of Object.entries({ from, to })) {
      const found = await readTable(pool, { schema, name: table });
      const path = `/dependencies/${index}`;
      if (!found) return refuse('unknown_table', path, `there is no table ${quoted({ schema, name: table })}`);
      if (!found.columns.some(({ name }) => name === column)) {
        refuse('unknown_column', path, `${quoted(found)} has no column ${column}; it has ${columnNames(found)}`);
      }
      if (side === 'from') tables.push(found);
    }
    const isRoot = to.schema === root.schema && to.table === root.name;
    const continues = dependencies.some((next) => next.from.schema === to.schema && next.from.table === to.table);
    if (!isRoot && !continues) {
      refuse(
        'invalid_field',
        `/dependencies/${index}`,
        `it leads to ${to.schema}.${to.table}, which is neither the mapped table nor where another dependency begins`,
      );
    }
  }
  return tables;
}
