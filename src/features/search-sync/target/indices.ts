// Indices and aliases of one target. Every index that TEM makes has an alias of its own for writes, which is gone with the
// index: a write by accident makes no index. Searches go to the mapping's alias, which moves in one step.

import { writeAlias } from '../mapping.ts';
import { complaint, parse, type Target, TargetAway } from './target.ts';

/** The target understood and refuses; the message says what. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
}

const MAKE_WITHIN_MS = 60_000;

/** Makes an index with its write alias. Throws TargetRefused or TargetAway. */
export async function createIndex(target: Target, name: string, body: Record<string, unknown>): Promise<void> {
  const answer = await target.request({
    method: 'PUT',
    path: [name],
    body: JSON.stringify({ ...body, aliases: { [writeAlias(name)]: {} } }),
    withinMs: MAKE_WITHIN_MS,
  });
  if (answer.status === 200) return;
  // Made by a call whose answer was lost.
  if (
    answer.status === 400 &&
    /resource_already_exists_exception/.test(answer.text) &&
    (await indexExists(target, name))
  )
    return;
  throw failure(target, answer, `the index ${name} can't be made`);
}

/** Whether the index is there, with the alias that TEM writes to. */
export async function indexExists(target: Target, name: string): Promise<boolean> {
  const answer = await target.request({ method: 'HEAD', path: ['_alias', writeAlias(name)] });
  if (answer.status === 200) return true;
  if (answer.status === 404) return false;
  throw failure(target, answer, `nothing is known of the index ${name}`);
}

/** What a name stands for: the indices behind an alias, an index itself, or nothing. */
export async function resolveName(
  target: Target,
  name: string,
): Promise<{ kind: 'alias' | 'index' | 'none'; indices: string[] }> {
  const alias = await target.request({ method: 'GET', path: ['_alias', name] });
  if (alias.status === 200) return { kind: 'alias', indices: Object.keys(parse(alias.text) ?? {}) };
  if (alias.status !== 404) throw failure(target, alias, `nothing is known of ${name}`);
  const index = await target.request({ method: 'HEAD', path: [name] });
  return index.status === 200 ? { kind: 'index', indices: [name] } : { kind: 'none', indices: [] };
}

/** Points the alias to this index alone, in one step. */
export async function pointAlias(target: Target, alias: string, name: string): Promise<void> {
  const present = await resolveName(target, alias);
  if (present.kind === 'index') {
    throw new TargetRefused(`${alias} is an index on ${target.name}, so it can't be the alias of ${name}`);
  }
  const away = present.indices.filter((index) => index !== name);
  const answer = await target.request({
    method: 'POST',
    path: ['_aliases'],
    body: JSON.stringify({
      actions: [{ add: { index: name, alias } }, ...away.map((index) => ({ remove: { index, alias } }))],
    }),
  });
  if (answer.status !== 200) throw failure(target, answer, `the alias ${alias} can't be moved`);
}

/** Gone afterwards, also when it was not there. */
export async function deleteIndex(target: Target, name: string): Promise<void> {
  const answer = await target.request({ method: 'DELETE', path: [name] });
  if (answer.status !== 200 && answer.status !== 404)
    throw failure(target, answer, `the index ${name} can't be deleted`);
}

/** Makes what was written visible to searches. */
export async function refresh(target: Target, name: string): Promise<void> {
  const answer = await target.request({ method: 'POST', path: [name, '_refresh'] });
  if (answer.status !== 200) throw failure(target, answer, `the index ${name} can't be refreshed`);
}

/** When each node started, by its id; a start forgets the versions of deletes. */
export async function nodeStarts(target: Target): Promise<Record<string, number>> {
  const answer = await target.request({
    method: 'GET',
    path: ['_nodes', 'jvm'],
    query: { filter_path: 'nodes.*.jvm.start_time_in_millis' },
  });
  if (answer.status !== 200) return {};
  const nodes = (parse(answer.text)?.nodes ?? {}) as Record<string, { jvm?: { start_time_in_millis?: number } }>;
  return Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, node.jvm?.start_time_in_millis ?? 0]));
}

function failure(target: Target, answer: { status: number; text: string }, what: string): Error {
  const text = `${what} on ${target.name}: ${complaint(answer)}`;
  return isPassing(answer.status) ? new TargetAway(text) : new TargetRefused(text);
}

/** Whether a status says "not now" rather than "not this". */
export function isPassing(status: number): boolean {
  return status === 429 || status === 401 || status === 403 || status >= 500 || status === 0;
}
