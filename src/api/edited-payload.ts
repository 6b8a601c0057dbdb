// The payload that a person gives an event anew, as the text that came: what Postgres keeps has its digits, and what he
// didn't see (secrets) or can't have meant (a name twice) is not written by mistake.

import { notFound, Problem } from '../core/http/problem.ts';
import { memberText, twinName } from '../core/json/member.ts';
import { getEvent } from '../core/ledger/events.ts';
import { hasSecrets, restoreSecrets } from '../core/secret-fields.ts';
import type { ApiCore } from './api.ts';
import { isRefusal } from './incoming.ts';

/** JSON text for the event's payload; undefined when the body asks for none. Throws a Problem for what is refused. */
export async function editedPayload(
  { pool, directory, incoming }: ApiCore,
  id: string,
  body: unknown,
  text: string,
): Promise<string | undefined> {
  if (body === undefined || body === null) return undefined;
  if (typeof body !== 'object' || Array.isArray(body))
    throw new Problem(400, 'invalid_field', 'must be an object', { path: '' });
  const unknown = Object.keys(body).find((name) => name !== 'payload');
  if (unknown !== undefined) throw new Problem(400, 'unknown_field', 'is an unknown field', { path: `/${unknown}` });
  if (!('payload' in body)) return undefined;
  const twin = twinName(text);
  if (twin !== undefined)
    throw new Problem(400, 'twin_name', 'comes twice in one object: only one of the two would be kept', { path: twin });
  const row = await getEvent(pool, id);
  if (!row) throw notFound('the event');
  await directory.fresh();
  const schema = directory.get(row.type)?.description?.schema;
  const restored = restoreSecrets(schema, body.payload, row.payload);
  if (!restored)
    throw new Problem(400, 'invalid_field', 'holds the mask of a secret where there was none', { path: '/payload' });
  const judged = await incoming.judge(row.type, restored.value);
  if (typeof judged !== 'string' && isRefusal(judged))
    throw new Problem(400, judged.code, judged.detail, { path: judged.path });
  return hasSecrets(schema) ? JSON.stringify(restored.value) : memberText(text, 'payload');
}
