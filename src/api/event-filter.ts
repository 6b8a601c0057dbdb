// What a person writes to find events, as the ledger's filter.

import { type Static, Type } from 'typebox';
import { Problem } from '../core/http/problem.ts';
import type { EventFilter } from '../core/ledger/candidates.ts';
import type { EventState } from '../core/ledger/states.ts';
import { hasSecrets } from '../core/secret-fields.ts';
import { readTime } from '../core/time.ts';
import type { ApiCore } from './api.ts';
import { filterFields } from './schemas.ts';

export const Filter = Type.Object(filterFields, { additionalProperties: false });

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const WORDS = ['true', 'false', 'null'];

/** `at`: where its fields stand, such as /filter. Throws a Problem for a time or a path that is none. */
export function filterOf(
  filter: Static<typeof Filter>,
  { directory }: Pick<ApiCore, 'directory'>,
  at: string,
): EventFilter {
  const { type, group, key, q, fingerprint, payload, retrying } = filter;
  return {
    ...(filter.state !== undefined && { states: [...new Set(filter.state.split(','))] as EventState[] }),
    ...(type !== undefined && { type }),
    ...(group !== undefined && { group }),
    ...(key !== undefined && { key }),
    ...(q !== undefined && { q }),
    ...(fingerprint !== undefined && { fingerprint }),
    ...(payload !== undefined && { payload: [payload].flat().map(payloadPredicate) }),
    ...(retrying && { retrying }),
    ...(filter.from !== undefined && { from: time(`${at}/from`, filter.from) }),
    ...(filter.to !== undefined && { to: time(`${at}/to`, filter.to) }),
    secretTypes: directory
      .all()
      .filter(({ description }) => hasSecrets(description?.schema))
      .map(({ name }) => name),
  };
}

/** `order.id:123` as a jsonpath predicate, in which the number keeps its digits. A list matches by any of its elements. */
export function payloadPredicate(text: string): string {
  const colon = text.indexOf(':');
  const path = `$${text
    .slice(0, colon)
    .split('.')
    .map((step) => `.${JSON.stringify(step)}`)
    .join('')}`;
  const value = text.slice(colon + 1);
  const asText = `${path} == ${JSON.stringify(value)}`;
  if (JSON_NUMBER.test(value) || WORDS.includes(value)) return `${path} == ${value} || ${asText}`;
  const quoted = /^"(.*)"$/s.exec(value)?.[1];
  return quoted === undefined ? asText : `${path} == ${JSON.stringify(quoted)}`;
}

export function time(path: string, text: string): Date {
  const read = readTime(text);
  if (typeof read === 'string') throw new Problem(400, 'invalid_query', read, { path });
  return read;
}
