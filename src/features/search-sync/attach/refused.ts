// What is thrown when a table can't be mapped as asked, in words and with the place.

import type { Table } from '../source/table.ts';

/** It can't be mapped as asked; `path` is a JSON pointer into what was asked. */
export class MappingRefused extends Error {
  override readonly name = 'MappingRefused';

  constructor(
    readonly code: string,
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

export const refuse = (code: string, path: string, message: string): never => {
  throw new MappingRefused(code, path, message);
};

export function columnNames({ columns }: Table): string {
  return columns.map(({ name }) => name).join(', ');
}
