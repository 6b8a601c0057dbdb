// The audit: who changed what, in the same transaction as the change. Rows are only ever added; what is a secret by its
// name is masked before it gets there.

import type { Pool, PoolClient } from 'pg';
import { inTransaction } from './ledger/in-transaction.ts';
import { SECRET_MASK } from './secret-fields.ts';

export interface AuditEntry {
  /** As `actorOf` names him. */
  actor: string;
  /** `<noun>.<verb>`, such as event.retry, schedule.pause, key.create. */
  action: string;
  /** What was changed, such as an event's id or a schedule's. */
  target: string;
  /** Of a change to everything that matches. */
  filter?: unknown;
  before?: unknown;
  after?: unknown;
  reason?: string | undefined;
}

const SECRET_NAME = /secret|password|passwd|token|authorization|cookie|credential|api[-_]?key|(^|[-_])key[-_]?hash/i;
const DEPTH_MAX = 64;

/** `db` is the connection of the change's own transaction. */
export async function writeAudit(db: Pick<Pool, 'query'>, entry: AuditEntry): Promise<void> {
  await db.query(
    `insert into tem.audit (actor, action, target, filter, before, after, reason) values ${AUDIT_VALUES}`,
    [...auditValues(entry)],
  );
}

/** A person's change in one transaction: `work` writes what `audit` is given beside it. */
export function audited<Result>(
  pool: Pool,
  actor: string,
  work: (client: PoolClient, audit: (entry: Omit<AuditEntry, 'actor'>) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  return inTransaction(pool, (client) => work(client, (entry) => writeAudit(client, { actor, ...entry })));
}

const AUDIT_VALUES = '($1, $2, $3, $4, $5, $6, $7)';

function auditValues({ actor, action, target, filter, before, after, reason }: AuditEntry): (string | null)[] {
  return [actor, action, target, json(filter), json(before), json(after), reason ?? null];
}

function json(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(maskSecretNames(value));
}

/** The value with every field masked whose name says that it is a secret. */
export function maskSecretNames(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > DEPTH_MAX) return SECRET_MASK;
  if (Array.isArray(value)) return value.map((item) => maskSecretNames(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      SECRET_NAME.test(name) && item !== null ? SECRET_MASK : maskSecretNames(item, depth + 1),
    ]),
  );
}

export interface AuditRow {
  id: string;
  at: Date;
  actor: string;
  action: string;
  target: string;
  filter: unknown;
  before: unknown;
  after: unknown;
  reason: string | null;
}

export interface AuditFilter {
  actor?: string | undefined;
  /** All of one noun, with a dot and a star: event.* */
  action?: string | undefined;
  target?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

/** Newest first, before `before` (an id). */
export async function listAudit(
  pool: Pick<Pool, 'query'>,
  { actor, action, target, from, to }: AuditFilter,
  limit: number,
  before: string | undefined,
): Promise<{ rows: AuditRow[]; more: boolean }> {
  const noun = action?.endsWith('.*') ? action.slice(0, -1) : undefined;
  const conditions: string[] = [];
  const values: unknown[] = [];
  const where = (text: string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(text.replace('?', `$${values.length}`));
  };
  where('actor = ?', actor);
  where('action = ?', noun === undefined ? action : undefined);
  where('starts_with(action, ?)', noun);
  where('target = ?', target);
  where('at >= ?', from);
  where('at < ?', to);
  where('a.id < ?', before);
  values.push(limit + 1);
  const { rows } = await pool.query<AuditRow>(
    `select a.id::text, at, actor, action, target, filter, before, after, reason from tem.audit a
     ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''} order by a.id desc limit $${values.length}`,
    values,
  );
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}
