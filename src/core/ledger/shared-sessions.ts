// A pooler in transaction mode gives each statement whichever server session is free, so what TEM states for its sessions
// would reach those of others and leave its own. That is found out before anything is stated.

import type pg from 'pg';

const ROUNDS = 5;
/**
 * A pooler in session mode may have no session left for a second connection: then it doesn't answer. Less than a caller waits
 * for a connection of its pool.
 */
const SECOND_WITHIN_MS = 1_000;
const OWN_WITHIN_MS = 5_000;

/**
 * Whether a server session serves `client` and `second` in turns, or `client` is moved to another one. Opens `second`, a
 * connection to the same place, only where somebody is in between, and closes it.
 */
export async function sharesSessions(client: pg.Client, second: () => pg.Client): Promise<boolean> {
  const session = await sessionOf(client, OWN_WITHIN_MS);
  // A server names its session itself when it is connected to; a pooler names one of its own making.
  if (session === (client as pg.Client & { processID: number | null }).processID) return false;
  const other = second();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const others = await sessionOfOther(other, round === 0);
      if (others === undefined) return false;
      if (others === session || (await sessionOf(client, OWN_WITHIN_MS)) !== session) return true;
    }
    return false;
  } finally {
    void other.end().catch(() => {});
  }
}

async function sessionOfOther(other: pg.Client, connect: boolean): Promise<number | undefined> {
  try {
    if (connect) await other.connect();
    return await sessionOf(other, SECOND_WITHIN_MS);
  } catch {
    return undefined;
  }
}

async function sessionOf(client: pg.Client, withinMs: number): Promise<number> {
  const asked = { text: 'select pg_catalog.pg_backend_pid() as pid', query_timeout: withinMs } as pg.QueryConfig;
  const { rows } = await client.query<{ pid: number }>(asked);
  return (rows[0] as { pid: number }).pid;
}
