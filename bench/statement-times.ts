// What bench/probe/statement-times.js wrote: the claims of a worker as it saw them. And the plan of a claim, taken on the
// running system in a transaction that is rolled back.

import { readFileSync } from 'node:fs';
import type { Pool, PoolClient } from 'pg';
import { claim } from '../src/core/ledger/claim.ts';
import { discoverLanes, type Position } from '../src/core/ledger/discover.ts';
import { laneName } from '../src/workers/relay/positions.ts';

export const PRELOAD = new URL('./probe/statement-times.js', import.meta.url);
const LANES_MAX = 2_000;
const CLAIM_ROWS = 100;
const NOBODY = '00000000-0000-0000-0000-000000000000';

export interface StatementTime {
  name: 'claim' | 'discover-lanes';
  at: number;
  ms: number;
}

export function readStatementTimes(file: string): StatementTime[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as StatementTime);
}

export function timesOf(times: readonly StatementTime[], name: StatementTime['name']): number[] {
  return times.filter((each) => each.name === name).map(({ ms }) => ms);
}

/** Asks for the plan of claiming from the queue's first lane of a type, with its times; undefined when nothing is due. */
export type ClaimProbe = () => Promise<string | undefined>;

/**
 * Looks at the queue as a relay that goes on from where it was: what the probe itself reads must not be what slows down
 * the claims that are measured.
 */
export function createClaimProbe(pool: Pool, type: string): ClaimProbe {
  const positions = new Map<string, Position>();
  return async () => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const found = await discoverLanes(client, [type], LANES_MAX, { positions: [...positions.values()] });
      const lanes = found.lanes.filter((lane) => lane.dueInMs <= 0);
      for (const lane of lanes) positions.set(laneName(lane), lane);
      if (lanes.length === 0) return undefined;
      const explained: string[] = [];
      await claim(explaining(client, explained), {
        workerId: NOBODY,
        lanes: lanes.slice(0, 1),
        take: CLAIM_ROWS,
        workflowId: undefined,
      });
      return explained.join('\n');
    } finally {
      await client.query('rollback');
      client.release();
    }
  };
}

/** A connection that asks for the plan of a statement instead of its rows. */
function explaining(client: PoolClient, lines: string[]): Pool {
  const query = async ({ text, values }: { text: string; values: unknown[] }): Promise<{ rows: never[] }> => {
    const { rows } = await client.query<Record<string, string>>({ text: `explain (analyze, buffers) ${text}`, values });
    lines.push(...rows.map((row) => row['QUERY PLAN'] ?? ''));
    return { rows: [] };
  };
  return { query } as unknown as Pool;
}

/** How long claiming takes when nothing else delays the answer: in the database only, from a probe. */
export function executionMs(plan: string | undefined): number {
  return Number(/Execution Time: ([\d.]+) ms/.exec(plan ?? '')?.[1] ?? Number.NaN);
}
