// A person's change of a flow, with its row in the audit.

import type { Pool, PoolClient } from 'pg';
import { writeAudit } from '../audit.ts';
import { inTransaction } from '../ledger/in-transaction.ts';
import { deleteFlow, type FlowRow, getFlow, putFlow } from './store.ts';

type Place = Pick<FlowRow, 'type' | 'group'>;

export async function setFlow(pool: Pool, actor: string, flow: FlowRow): Promise<void> {
  await change(pool, actor, 'flow.put', flow, (client) => putFlow(client, flow));
}

/** Nothing happens when there is none. */
export async function removeFlow(pool: Pool, actor: string, place: Place): Promise<void> {
  await change(pool, actor, 'flow.delete', place, (client) => deleteFlow(client, place.type, place.group));
}

async function change(
  pool: Pool,
  actor: string,
  action: string,
  { type, group }: Place,
  write: (client: PoolClient) => Promise<unknown>,
): Promise<void> {
  const limits = async (client: PoolClient): Promise<unknown> => {
    const flow = await getFlow(client, type, group);
    return flow && { paused: flow.paused, maxInFlight: flow.maxInFlight, rate: flow.rate };
  };
  await inTransaction(pool, async (client) => {
    const before = await limits(client);
    await write(client);
    const after = await limits(client);
    if (before === undefined && after === undefined) return;
    await writeAudit(client, { actor, action, target: group === '' ? type : `${type}/${group}`, before, after });
  });
}
