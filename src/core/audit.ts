// The audit: who changed what, in the same transaction as the change. Rows are only ever added; what is a secret by its
// name is masked before it gets there.

import type { Pool } from 'pg';
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
