// Suggestions while somebody types: what completes the text, then what is like it, with typing errors forgiven. The analyser
// knows Turkish letters.

import { complaint, parse, type Target, TargetAway } from './target/target.ts';

export interface Suggestion {
  id: string;
  text: string;
  score: number;
}

const ASK_WITHIN_MS = 3_000;
/** A word of one or two letters has no typing error. */
const FUZZY = { fuzziness: 'AUTO', prefix_length: 1 };

interface Option {
  _id: string;
  text: string;
  _score: number;
}

interface Hit {
  _id: string;
  _score: number;
  fields?: Record<string, unknown[]>;
}

/** At most `limit`, the best first; undefined when there is no such index. Throws TargetAway. */
export async function suggest(
  target: Target,
  index: string,
  fields: readonly string[],
  { q, limit }: { q: string; limit: number },
): Promise<Suggestion[] | undefined> {
  const body = {
    size: limit,
    _source: false,
    fields: fields.map((field) => `${field}.keyword`),
    query: {
      bool: {
        should: fields.flatMap((field) => [
          { match_phrase_prefix: { [`${field}.suggest`]: { query: q, boost: 3 } } },
          { match: { [`${field}.suggest`]: { query: q, operator: 'and', ...FUZZY } } },
          { match_bool_prefix: { [`${field}.suggest`]: { query: q, ...FUZZY } } },
        ]),
      },
    },
    suggest: Object.fromEntries(
      fields.map((field) => [
        field,
        { prefix: q, completion: { field: `${field}.complete`, size: limit, skip_duplicates: false, fuzzy: FUZZY } },
      ]),
    ),
  };
  const answer = await target.request({
    method: 'POST',
    path: [index, '_search'],
    body: JSON.stringify(body),
    withinMs: ASK_WITHIN_MS,
  });
  if (answer.status === 404) return undefined;
  if (answer.status !== 200)
    throw new TargetAway(`suggestions can't be read from ${target.name}: ${complaint(answer)}`);
  return best(parse(answer.text) ?? {}, fields, limit);
}

function best(answer: Record<string, unknown>, fields: readonly string[], limit: number): Suggestion[] {
  const suggested = (answer.suggest ?? {}) as Record<string, { options: Option[] }[]>;
  const options = fields.flatMap((field) => suggested[field]?.flatMap((each) => each.options) ?? []);
  const hits = ((answer.hits as { hits?: Hit[] } | undefined)?.hits ?? []).flatMap((hit) => {
    const [text] = fields.flatMap((field) => hit.fields?.[`${field}.keyword`] ?? []);
    return typeof text === 'string' ? [{ id: hit._id, text, score: hit._score }] : [];
  });
  const found = new Map<string, Suggestion>();
  const exact = options.map(({ _id, text, _score }) => ({ id: _id, text, score: _score }));
  for (const each of [...hits, ...exact]) if (!found.has(each.id)) found.set(each.id, each);
  return [...found.values()].sort((a, b) => b.score - a.score).slice(0, limit);
}

/** So many calls a minute for each caller, refilled evenly. */
export class CallLimit {
  private readonly buckets = new Map<string, { left: number; at: number }>();
  private readonly perMinute: number;
  private readonly now: () => number;

  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.perMinute = perMinute;
    this.now = now;
  }

  /** Seconds until the next call may come; 0: this one may. */
  take(caller: string): number {
    const now = this.now();
    const bucket = this.buckets.get(caller) ?? { left: this.perMinute, at: now };
    const left = Math.min(this.perMinute, bucket.left + ((now - bucket.at) / 60_000) * this.perMinute);
    const allowed = left >= 1;
    this.buckets.delete(caller);
    this.buckets.set(caller, { left: allowed ? left - 1 : left, at: now });
    // The callers that were quiet for longest go first; a map keeps the order.
    if (this.buckets.size > CALLERS_MAX) this.buckets.delete(this.buckets.keys().next().value as string);
    return allowed ? 0 : ((1 - left) / this.perMinute) * 60;
  }
}

const CALLERS_MAX = 10_000;
