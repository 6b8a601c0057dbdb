// Whether anything waits at all, asked in one statement: the claims take a transaction each, and mostly nothing waits.

import type pg from 'pg';
import { QUEUE } from '../queue/table.ts';

export interface Waiting {
  queue: boolean;
  dirty: boolean;
  fanout: boolean;
  /** Of the mappings. */
  revision: string;
}

const LOOK = (queue: string): string => `select s.revision::text, ${queue} as queue,
    exists (select from tem.search_dirty d where d.batch_id is null) as dirty,
    exists (select from tem.search_fanout) as fanout
  from tem.search_state s`;

export async function lookForWork(pool: pg.Pool, hasQueue: boolean): Promise<Waiting> {
  const { rows } = await pool.query<Waiting>(
    hasQueue
      ? { name: 'search-look', text: LOOK(`exists (select from ${QUEUE} q where q.status = 'pending')`) }
      : { name: 'search-look-elsewhere', text: LOOK('false') },
  );
  return rows[0] ?? { queue: false, dirty: false, fanout: false, revision: '' };
}
