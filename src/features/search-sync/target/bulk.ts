// One `_bulk` call and what became of each of its actions. A call that went well may hold actions that failed: each is
// judged alone, by what its answer means for the record.

import { writeAlias } from '../mapping.ts';
import { complaint, parse, type Target, TargetAway } from './target.ts';

export interface BulkAction {
  id: string;
  version: string;
  /** The document as JSON in one line; absent: it is deleted. */
  json?: string;
}

export type Outcome =
  /** It is in the index, or something newer is. */
  | { kind: 'done' }
  /** Not now: the same again after a pause. No attempt is used up. */
  | { kind: 'later'; reason: string }
  /** The target refuses this document; `field` is the one it names. */
  | { kind: 'refused'; reason: string; field: string | undefined }
  /** The index is not there. */
  | { kind: 'missing' };

const DONE: Outcome = { kind: 'done' };
const PASSING_TYPES = new Set([
  'es_rejected_execution_exception',
  'rejected_execution_exception',
  'cluster_block_exception',
  'unavailable_shards_exception',
  'circuit_breaking_exception',
  'process_cluster_event_timeout_exception',
  'primary_shard_closed_exception',
  'no_shard_available_action_exception',
  'node_closed_exception',
  'timeout_exception',
]);
const REASON_LENGTH_MAX = 1_000;
const BULK_WITHIN_MS = 60_000;

interface BulkItem {
  status?: number;
  error?: { type?: string; reason?: string; caused_by?: { type?: string; reason?: string } };
}

/** The outcome of each action, in their order. Throws TargetAway when the call as a whole got no answer. */
export async function bulk(target: Target, indexName: string, actions: readonly BulkAction[]): Promise<Outcome[]> {
  const answer = await target.request({
    method: 'POST',
    path: ['_bulk'],
    query: { filter_path: 'errors,items.*.status,items.*.error', require_alias: 'true' },
    body: bulkBody(indexName, actions),
    lines: true,
    withinMs: BULK_WITHIN_MS,
  });
  if (answer.status === 413 || (answer.status === 400 && actions.length > 1))
    return halves(target, indexName, actions, complaint(answer));
  if (answer.status === 400)
    return actions.map(() => ({ kind: 'refused', reason: complaint(answer), field: undefined }));
  if (answer.status === 429 || answer.status === 503) {
    return actions.map(() => ({ kind: 'later', reason: complaint(answer) }));
  }
  const result =
    answer.status === 200
      ? (parse(answer.text) as { items?: Record<string, BulkItem>[]; errors?: boolean })
      : undefined;
  const items = result?.items;
  if (!items || items.length < actions.length) throw new TargetAway(`_bulk on ${target.name}: ${complaint(answer)}`);
  if (result?.errors === false) return actions.map(() => DONE);
  // Without the guard, which comes first.
  return items.slice(-actions.length).map((item) => judge(Object.keys(item)[0] ?? '', Object.values(item)[0] ?? {}));
}

/** Too large for the target, or one line spoils it: by halves until it fits. */
async function halves(
  target: Target,
  indexName: string,
  actions: readonly BulkAction[],
  reason: string,
): Promise<Outcome[]> {
  if (actions.length === 1) return [{ kind: 'refused', reason, field: undefined }];
  const middle = actions.length >> 1;
  const first = await bulk(target, indexName, actions.slice(0, middle));
  return [...first, ...(await bulk(target, indexName, actions.slice(middle)))];
}

function bulkBody(indexName: string, actions: readonly BulkAction[]): string {
  const alias = JSON.stringify(writeAlias(indexName));
  // A delete with an external version makes an index that isn't there, whatever `require_alias` says, unless an action that
  // heeds it stands beside it: here one that can't do anything.
  const guarded = actions.some(({ json }) => json !== undefined);
  let body = guarded ? '' : `{"update":{"_index":${alias},"_id":"tem-guard"}}\n{"doc":{}}\n`;
  for (const { id, version, json } of actions) {
    const action = json === undefined ? 'delete' : 'index';
    body += `{"${action}":{"_index":${alias},"_id":${JSON.stringify(id)},"version":${version},"version_type":"external"}}\n`;
    if (json !== undefined) body += `${json}\n`;
  }
  return body;
}

/** What an answer to one action means. */
export function judge(action: string, { status = 0, error }: BulkItem): Outcome {
  if (status === 409) return DONE;
  const type = error?.type ?? '';
  if (status === 404 && type !== 'index_not_found_exception') return action === 'delete' ? DONE : { kind: 'missing' };
  if (status === 404) return { kind: 'missing' };
  if (status >= 200 && status < 300) return DONE;
  const said = [error?.reason, error?.caused_by?.reason].filter(Boolean).join(': ') || `status ${status}`;
  const reason = `${type}: ${said}`.replaceAll(/\s+/g, ' ').slice(0, REASON_LENGTH_MAX);
  if (status === 429 || status >= 500 || PASSING_TYPES.has(type)) return { kind: 'later', reason };
  return { kind: 'refused', reason, field: fieldOf(said) };
}

/** The field that a refusal names. */
function fieldOf(reason: string): string | undefined {
  return /(?:field|mapping for|mapper|properties of|value of) \[([^\]]+)\]/.exec(reason)?.[1];
}

/** What a row and an event say of a refused document. */
export function refusalText({ reason, field }: { reason: string; field: string | undefined }): string {
  return field === undefined ? reason : `field ${field}: ${reason}`;
}
