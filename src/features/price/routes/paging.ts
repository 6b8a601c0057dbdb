// Lists by keyset: the cursor is the last row's key as one opaque word, and one that TEM didn't make is refused.

import { Type } from 'typebox';
import { problem } from '../../../core/http/problem.ts';

const LIMIT_MAX = 1_000;
export const LIMIT_DEFAULT = 50;

export const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT }));
export const Cursor = Type.Optional(Type.String({ minLength: 1, maxLength: 2_000 }));
export const NextCursor = Type.Union([Type.String(), Type.Null()]);
export const TAGS = ['price checks'];
export const NoQuery = Type.Object({}, { additionalProperties: false });

/** A page of `limit` rows of the `limit + 1` that were read, and the cursor after it. */
export function page<Row>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => string,
): { rows: Row[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { rows: shown, nextCursor: rows.length > limit && last !== undefined ? written(keyOf(last)) : null };
}

/** The key of a cursor; throws the problem of one that isn't. */
export function cursorKey(
  cursor: string | undefined,
  isKey: (key: string) => boolean = () => true,
): string | undefined {
  if (cursor === undefined) return undefined;
  const key = Buffer.from(cursor, 'base64url').toString('utf8').slice(1);
  if (written(key) !== cursor || !isKey(key) || key.includes('\0'))
    throw problem(400, 'invalid_query', 'must be the nextCursor of an earlier answer', { path: '/cursor' });
  return key;
}

export const isNumber = (key: string): boolean => /^\d{1,18}$/.test(key);

function written(key: string): string {
  return Buffer.from(`1${key}`, 'utf8').toString('base64url');
}
