// Reads documents back from an index as they are kept, byte by byte, and walks over all ids of an index.

import { rawElements, rawMembers } from './raw-json.ts';
import { complaint, parse, type Target, TargetAway } from './target.ts';

/** The stored text of each document that is there, whether searches see it yet or not. */
export async function readStored(
  target: Target,
  indexName: string,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (ids.length === 0) return found;
  const answer = await target.request({
    method: 'POST',
    path: [indexName, '_mget'],
    // No filter_path: the target writes documents anew then, numbers as doubles.
    body: JSON.stringify({ ids }),
  });
  if (answer.status !== 200) throw new TargetAway(`documents can't be read from ${target.name}: ${complaint(answer)}`);
  for (const document of rawElements(rawMembers(answer.text).get('docs') ?? '[]')) {
    const members = rawMembers(document);
    const source = members.get('_source');
    if (members.get('found') === 'true' && source !== undefined)
      found.set(JSON.parse(members.get('_id') ?? '""') as string, source);
  }
  return found;
}

export async function countStored(target: Target, indexName: string): Promise<number> {
  const answer = await target.request({ method: 'GET', path: [indexName, '_count'] });
  const count = parse(answer.text)?.count;
  if (answer.status !== 200 || typeof count !== 'number') {
    throw new TargetAway(`documents can't be counted on ${target.name}: ${complaint(answer)}`);
  }
  return count;
}

const WALK_SIZE = 2_000;

/**
 * The ids of the next documents that searches see, in order of their writing: what is written meanwhile comes later in that
 * order. `next` is where to go on; nothing has to be kept open on the target meanwhile.
 */
export async function readWritten(
  target: Target,
  indexName: string,
  after: number | null,
): Promise<{ ids: string[]; next: number | undefined }> {
  const answer = await target.request({
    method: 'POST',
    path: [indexName, '_search'],
    query: { filter_path: 'hits.hits._id,hits.hits.sort' },
    body: JSON.stringify({
      size: WALK_SIZE,
      _source: false,
      track_total_hits: false,
      sort: ['_seq_no'],
      ...(after !== null && { query: { range: { _seq_no: { gte: after } } } }),
    }),
  });
  if (answer.status !== 200)
    throw new TargetAway(`${indexName} can't be walked on ${target.name}: ${complaint(answer)}`);
  const page = parse(answer.text) as { hits?: { hits?: { _id: string; sort: number[] }[] } };
  const hits = page.hits?.hits ?? [];
  const last = hits.at(-1)?.sort[0];
  const all = hits.map(({ _id }) => _id);
  if (hits.length < WALK_SIZE || last === undefined) return { ids: all, next: undefined };
  // Numbers are those of a shard: what has the last one comes with the next documents, so that none comes twice or never.
  const ids = hits.filter(({ sort }) => sort[0] !== last).map(({ _id }) => _id);
  return ids.length > 0 ? { ids, next: last } : { ids: all, next: last + 1 };
}
