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

const WALK_KEPT_FOR = '2m';
const WALK_SIZE = 2_000;

/** The ids of all documents that searches see, in sets. */
export async function* walkIds(target: Target, indexName: string): AsyncGenerator<string[]> {
  let answer = await target.request({
    method: 'POST',
    path: [indexName, '_search'],
    query: { scroll: WALK_KEPT_FOR, filter_path: '_scroll_id,hits.hits._id' },
    body: JSON.stringify({ size: WALK_SIZE, _source: false, sort: ['_doc'] }),
  });
  let scrollId: string | undefined;
  try {
    for (;;) {
      if (answer.status !== 200)
        throw new TargetAway(`${indexName} can't be walked on ${target.name}: ${complaint(answer)}`);
      const page = parse(answer.text) as { _scroll_id?: string; hits?: { hits?: { _id: string }[] } };
      scrollId = page._scroll_id;
      const ids = (page.hits?.hits ?? []).map(({ _id }) => _id);
      if (ids.length === 0) return;
      yield ids;
      answer = await target.request({
        method: 'POST',
        path: ['_search', 'scroll'],
        query: { filter_path: '_scroll_id,hits.hits._id' },
        body: JSON.stringify({ scroll: WALK_KEPT_FOR, scroll_id: scrollId }),
      });
    }
  } finally {
    if (scrollId) {
      await target
        .request({ method: 'DELETE', path: ['_search', 'scroll'], body: JSON.stringify({ scroll_id: [scrollId] }) })
        .catch(() => {});
    }
  }
}
