// The role that reads TEM's own database for reports: a login of its own, because a role that is only switched to can be
// switched back by the query. It may read every table of the owner's but TEM's secrets, and write none. Made at the first
// report, and given what is new at each.

import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../../../core/ledger/in-transaction.ts';
import type { PostgresOptions } from './postgres.ts';
import { QueryFailed } from './source.ts';

const CONNECTIONS = 20;
// Any number that no other program takes.
const LOCK_NUMBER = 8_432_117_008;
/** Columns of TEM's that no report reads, beside `tem.report_secret`. */
const SECRET_COLUMN = '(secret|password|token|key_hash|hash_of_key)';
const NOT_ALLOWED = '42501';

/** What the owner must run where TEM may not make the role by itself. */
const REMEDY =
  'TEM may not make the role that reads reports: set TEM_SOURCE_LEDGER to the URL of one that you made (docs/reports.md has the lines)';

interface Relation {
  relation: string;
  schema: string;
  /** Undefined for the whole table. */
  columns: string[] | null;
}

/** Makes the role what it must be; resolves to how to connect as it. */
export async function openReader(
  pool: Pool,
  databaseUrl: string,
  signingIn: { remade: boolean },
): Promise<PostgresOptions> {
  try {
    const { role, password } = await inTransaction(pool, async (client) => {
      await client.query('select pg_catalog.pg_advisory_xact_lock($1)', [LOCK_NUMBER]);
      const reader = await ensureRole(client, signingIn.remade);
      await grantWhatIsNew(client, reader.role);
      return reader;
    });
    const url = new URL(databaseUrl);
    url.username = role;
    url.password = password;
    return { url: url.href, applicationName: 'tem report' };
  } catch (error) {
    if ((error as { code?: string }).code === NOT_ALLOWED) throw new QueryFailed(REMEDY, false);
    throw error;
  }
}

async function ensureRole(client: PoolClient, remade: boolean): Promise<{ role: string; password: string }> {
  const { rows } = await client.query<{ role: string; password: string; there: boolean }>(
    `select r.role, s.value as password, exists (select from pg_catalog.pg_roles where rolname = r.role) as there
     from tem.ledger l cross join lateral (select 'tem_reader_' || left(replace(l.id::text, '-', ''), 12) as role) r
       join tem.report_secret s on s.name = 'reader'`,
  );
  const { role, password, there } = rows[0] as { role: string; password: string; there: boolean };
  if (there && !remade) return { role, password };
  // Utility statements take no parameters: quoted by Postgres itself.
  const { rows: quoted } = await client.query<{ text: string }>(
    `select pg_catalog.format(
       '%s role %I login nosuperuser nocreatedb nocreaterole noinherit noreplication connection limit %s password %L',
       $1::text, $2::text, $3::text, $4::text) as text`,
    [there ? 'alter' : 'create', role, CONNECTIONS, password],
  );
  // The password must not come into a server's log of statements.
  await client.query(quoted[0]?.text ?? '');
  return { role, password };
}

const NEW = `
  select pg_catalog.format('%I.%I', n.nspname, c.relname) as relation, pg_catalog.quote_ident(n.nspname) as schema,
    case when n.nspname = 'tem' and exists (
      select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and a.attname ~ $2
    ) then array(
      select pg_catalog.quote_ident(a.attname) from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname !~ $2
        and not pg_catalog.has_column_privilege($1, c.oid, a.attnum, 'select')
    )::text[] end as columns
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema$)'
    and not (n.nspname = 'tem' and c.relname = 'report_secret')
    and pg_catalog.pg_has_role(c.relowner, 'usage')
    and (not pg_catalog.has_table_privilege($1, c.oid, 'select') or not pg_catalog.has_schema_privilege($1, n.oid, 'usage'))`;

async function grantWhatIsNew(client: PoolClient, role: string): Promise<void> {
  const { rows } = await client.query<Relation>(NEW, [role, SECRET_COLUMN]);
  const schemas = [...new Set(rows.map(({ schema }) => schema))];
  const { rows: schemasNew } = await client.query<{ schema: string }>(
    `select s.schema from unnest($2::text[]) as s(schema) join pg_catalog.pg_namespace n on pg_catalog.quote_ident(n.nspname) = s.schema
     where not pg_catalog.has_schema_privilege($1, n.oid, 'usage')`,
    [role, schemas],
  );
  for (const { schema } of schemasNew) await grant(client, `grant usage on schema ${schema} to ${role}`);
  for (const { relation, columns } of rows) {
    if (columns?.length === 0) continue;
    await grant(client, `grant select${columns ? ` (${columns.join(', ')})` : ''} on ${relation} to ${role}`);
  }
}

/** One that fails, such as on a schema of somebody else's, leaves what it is about unreadable, and the rest as it should be. */
async function grant(client: PoolClient, text: string): Promise<void> {
  await client.query('savepoint one');
  await client.query(text).catch(() => client.query('rollback to savepoint one'));
  await client.query('release savepoint one');
}
