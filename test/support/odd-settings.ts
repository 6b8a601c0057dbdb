// The defaults of a database as somebody may have set them for another program: each the opposite of what TEM relies on.

import type pg from 'pg';

/** What is unknown to older versions of Postgres is left out there. */
const ODD_SETTINGS = {
  synchronous_commit: 'off',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  idle_in_transaction_session_timeout: '50ms',
  idle_session_timeout: '400ms',
  transaction_timeout: '100ms',
  lock_timeout: '1ms',
  statement_timeout: '300ms',
  exit_on_error: 'on',
  session_replication_role: 'replica',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  array_nulls: 'off',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  check_function_bodies: 'off',
  jit: 'on',
  plan_cache_mode: 'force_custom_plan',
  enable_indexscan: 'off',
  enable_nestloop: 'off',
  enable_sort: 'off',
  TimeZone: 'Asia/Kathmandu',
  DateStyle: 'German, DMY',
  IntervalStyle: 'sql_standard',
  search_path: 'odd, public',
};

/** Makes them the defaults of sessions that open from now on. */
export async function oddlySet(pool: pg.Pool, databaseUrl: string): Promise<void> {
  const name = new URL(databaseUrl).pathname.slice(1);
  const { rows } = await pool.query<{ name: keyof typeof ODD_SETTINGS }>(
    'select name from pg_settings where name = any($1)',
    [Object.keys(ODD_SETTINGS)],
  );
  for (const setting of rows) {
    const value = ODD_SETTINGS[setting.name].split(', ').map((item) => `'${item}'`);
    await pool.query(`alter database ${name} set ${setting.name} = ${value.join(', ')}`);
  }
}
