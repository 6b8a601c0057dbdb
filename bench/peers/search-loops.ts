// What search sync is measured beside: a plain loop of 500 with `_bulk` and LISTEN and nothing else, which is what this machine
// can do, and the design that people had, job by job without its pause of 5 s. Both have the row trigger and the queue of
// that design.

import pg from 'pg';

export const LISTINGS = `create table listings (id bigserial primary key, user_id integer, category_id integer, title text,
  description text, price numeric, attrs jsonb, status text default 'active', created_at timestamptz default now(),
  updated_at timestamptz default now())`;
export const FILL = `insert into listings (user_id, category_id, title, description, price, attrs)
  select n % 1000, n % 100, 'Listing ' || n, repeat('lorem ipsum dolor ', 20), n * 1.01, jsonb_build_object('color', 'red', 'n', n)
  from generate_series(1, $1::int) n`;
export const ROW_TRIGGER = `create table elasticsearch_sync_queue (id serial primary key, table_name varchar(50) not null,
    operation varchar(20) not null, record_id bigint not null, change_data jsonb not null, status varchar(20) default 'pending',
    retry_count integer default 0, error_message text, created_at timestamptz default now(), processed_at timestamptz);
  create index on elasticsearch_sync_queue (status, created_at);
  create index on elasticsearch_sync_queue (table_name, record_id);
  create index on elasticsearch_sync_queue (retry_count) where status = 'failed';
  create function add_to_elasticsearch_queue() returns trigger language plpgsql as $$ begin
    insert into elasticsearch_sync_queue (table_name, operation, record_id, change_data) values (TG_TABLE_NAME, TG_OP,
      coalesce(NEW.id, OLD.id), case TG_OP when 'INSERT' then to_jsonb(NEW) when 'DELETE' then to_jsonb(OLD)
        else jsonb_build_object('old', to_jsonb(OLD), 'new', to_jsonb(NEW)) end);
    notify plain_loop; return coalesce(NEW, OLD); end $$;
  create trigger listings_queue_sync after insert or update or delete on listings for each row
    execute function add_to_elasticsearch_queue()`;
const BATCH = 500;

/** Loads a table by ids, 500 rows a bulk; resolves to seconds. */
export async function plainLoad(pool: pg.Pool, url: string, index: string): Promise<number> {
  const startedAt = performance.now();
  for (let after = '0'; ; ) {
    const { rows } = await pool.query<{ id: string; doc: unknown }>(
      `select id, row_to_json(l) as doc from listings l where id > $1 order by id limit ${BATCH}`,
      [after],
    );
    if (rows.length === 0) return (performance.now() - startedAt) / 1_000;
    await bulk(
      url,
      rows.map(({ id, doc }) => `{"index":{"_index":"${index}","_id":"${id}"}}\n${JSON.stringify(doc)}\n`).join(''),
    );
    after = rows.at(-1)?.id ?? after;
  }
}

/** Drains the queue in sets of 500 until it is empty; resolves to seconds. */
export async function plainDrain(pool: pg.Pool, url: string, index: string): Promise<number> {
  const startedAt = performance.now();
  while ((await plainTurn(pool, url, index)) > 0);
  return (performance.now() - startedAt) / 1_000;
}

export async function plainTurn(pool: pg.Pool, url: string, index: string): Promise<number> {
  const { rows } = await pool.query<{ id: string; record_id: string; operation: string; doc: unknown }>(
    `with taken as (update elasticsearch_sync_queue set status = 'processing' where id in (
        select id from elasticsearch_sync_queue where status = 'pending' order by created_at limit ${BATCH} for update skip locked)
      returning id, record_id, operation)
      select t.id, t.record_id, t.operation, row_to_json(l) as doc from taken t left join listings l on l.id = t.record_id`,
  );
  if (rows.length === 0) return 0;
  await bulk(
    url,
    rows
      .map(({ record_id: id, doc }) =>
        doc === null
          ? `{"delete":{"_index":"${index}","_id":"${id}"}}\n`
          : `{"index":{"_index":"${index}","_id":"${id}"}}\n${JSON.stringify(doc)}\n`,
      )
      .join(''),
  );
  await pool.query(
    `update elasticsearch_sync_queue set status = 'completed', processed_at = now() where id = any($1::int[])`,
    [rows.map(({ id }) => id)],
  );
  return rows.length;
}

/** Their design: one job after the other; resolves to rows a second over `count` jobs. */
export async function jobByJob(pool: pg.Pool, url: string, index: string, count: number): Promise<number> {
  const startedAt = performance.now();
  for (let done = 0; done < count; done += 1) {
    const { rows } = await pool.query<{ id: number; record_id: string; change_data: { new: unknown } }>(
      `select id, record_id, change_data from elasticsearch_sync_queue where status = 'pending' order by created_at limit 1`,
    );
    const job = rows[0];
    if (!job) throw new Error('the queue is empty');
    await pool.query(`update elasticsearch_sync_queue set status = 'processing' where id = $1`, [job.id]);
    await fetch(`${url}/${index}/_doc/${job.record_id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(job.change_data.new ?? job.change_data),
    }).then((answer) => answer.text());
    await pool.query(`update elasticsearch_sync_queue set status = 'completed', processed_at = now() where id = $1`, [
      job.id,
    ]);
  }
  return count / ((performance.now() - startedAt) / 1_000);
}

/** The plain loop as it waits: LISTEN, then sets. Returns its end. */
export async function plainListener(
  pool: pg.Pool,
  databaseUrl: string,
  url: string,
  index: string,
): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  let turn: Promise<unknown> = Promise.resolve();
  client.on('notification', () => {
    turn = turn.then(async () => {
      while ((await plainTurn(pool, url, index)) > 0);
    });
  });
  await client.query('listen plain_loop');
  return async () => {
    await client.end();
    await turn;
  };
}

async function bulk(url: string, body: string): Promise<void> {
  const answer = await fetch(`${url}/_bulk?filter_path=errors`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  });
  const text = await answer.text();
  if (!text.includes('"errors":false')) throw new Error(`_bulk: ${text.slice(0, 300)}`);
}
