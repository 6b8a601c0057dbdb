// Flows of what search sync withstands, in a small size for npm test and a large one for npm run test:long.

import pg from 'pg';
import { expect } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { type Scene, setup } from './setup.ts';

const ROWS_A_CHUNK = 1_000;

interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** COPY of so many rows into `listings`. */
export async function copyIn({ pool }: Scene, rows: number): Promise<void> {
  const client = await pool.connect();
  const copy = Object.assign(new pg.Query('copy listings (id, title, price) from stdin'), {
    handleCopyInResponse(connection: CopyConnection) {
      for (let first = 1; first <= rows; first += ROWS_A_CHUNK) {
        const lines = Array.from(
          { length: Math.min(ROWS_A_CHUNK, rows - first + 1) },
          (_, n) => `${first + n}\tlisting ${first + n}\t${(first + n) % 100}.25\n`,
        );
        connection.sendCopyFromChunk(Buffer.from(lines.join('')));
      }
      connection.endCopyFrom();
    },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      copy.on('end', () => resolve());
      copy.on('error', reject);
      client.query(copy);
    });
  } finally {
    client.release();
  }
}

/** What a target does with its indices when its disk is full to the flood stage. */
export async function block({ url, index }: Pick<Scene, 'url' | 'index'>, isBlocked: boolean): Promise<void> {
  const answer = await fetch(`${url}/${index}*/_settings`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ 'index.blocks.read_only_allow_delete': isBlocked || null }),
  });
  expect(answer.status).toBe(200);
}

/** Renames the category of so many listings; a single change made meanwhile is to be read before the fan-out is done. */
export async function checkFanout(listings: number): Promise<void> {
  const scene = await setup();
  const { pool } = scene;
  await pool.query(`create table categories (id integer primary key, name text);
    create table listings (id integer primary key, category_id integer, title text); create index on listings (category_id);
    insert into categories values (1, 'Phones')`);
  await pool.query(`insert into listings select n, 1, 'listing ' || n from generate_series(1, $1::int) n`, [listings]);
  const mapping = await scene.attach('listings', {
    sql: 'select l.id, l.title, c.name as category from listings l join categories c on c.id = l.category_id',
    dependencies: ['categories.id -> listings.category_id'],
  });
  await scene.load(mapping);
  await scene.startProcessor();
  await pool.query(`update categories set name = 'Telephones'`);
  const waiting = async () => {
    const { rows } = await pool.query(`select (select count(*) from tem.search_dirty)::int as records,
      (select count(*) from tem.search_fanout)::int as fanouts`);
    return rows[0] as { records: number; fanouts: number };
  };
  await waitFor(async () => (await waiting()).records > 0);
  await pool.query(`update listings set title = 'changed meanwhile' where id = $1`, [listings]);
  await waitFor(async () => (await scene.stored(mapping, String(listings)))?.includes('changed meanwhile'));
  const { records, fanouts } = await waiting();
  expect(records + fanouts).toBeGreaterThan(0);
  await scene.drained(300_000);
  expect(await scene.stored(mapping, '1')).toContain('Telephones');
  expect(await scene.compare(mapping)).toMatchObject({ checked: listings, missing: 0, stale: 0, extra: 0 });
}
