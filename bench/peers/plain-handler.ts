// What a handler without TEM costs: one transaction an event with three statements, from Node, on tables of its own.

import pg from 'pg';
import { runAsChild } from '../child.ts';

interface PlainInput {
  databaseUrl: string;
  connections: number;
  seconds: number;
}

// Enough for any machine of today; those that are left over don't matter.
const EVENTS_PER_SECOND_MAX = 10_000;

runAsChild<PlainInput>(async ({ databaseUrl, connections, seconds }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });
  await pool.query(`
    create schema bench;
    create table bench.plain_event (id bigint primary key, payload jsonb not null, state text not null default 'QUEUED');
    create table bench.plain_inbox (id bigserial primary key, event_id bigint not null unique, "user" text not null, body jsonb not null)`);
  await pool.query(
    `insert into bench.plain_event (id, payload) select n, jsonb_build_object('text', repeat('x', 189)) from generate_series(1, $1) n`,
    [seconds * EVENTS_PER_SECOND_MAX],
  );
  await pool.query('analyze bench.plain_event');
  let next = 0;
  const endAt = performance.now() + seconds * 1_000;
  const work = async (): Promise<void> => {
    const client = await pool.connect();
    while (performance.now() < endAt && next < seconds * EVENTS_PER_SECOND_MAX) {
      next += 1;
      const id = next;
      await client.query('begin');
      const { rows } = await client.query({
        name: 'lock',
        text: 'select payload from bench.plain_event where id = $1 for update',
        values: [id],
      });
      await client.query({
        name: 'insert',
        text: 'insert into bench.plain_inbox (event_id, "user", body) values ($1, $2, $3)',
        values: [id, `user-${id % 1_000}`, rows[0]?.payload],
      });
      await client.query({
        name: 'mark',
        text: `update bench.plain_event set state = 'PROCESSED' where id = $1`,
        values: [id],
      });
      await client.query('commit');
    }
    client.release();
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: connections }, work));
  const took = (performance.now() - startedAt) / 1_000;
  await pool.query('drop schema bench cascade');
  await pool.end();
  return { perSecond: next / took };
});
