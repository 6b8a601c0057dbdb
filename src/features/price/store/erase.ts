// What is kept of a person: that he wants to hear of deals, and which he was told of.

import type { PoolClient } from 'pg';

/** `subject` is a user, or a Telegram chat. */
export async function eraseSubscriptions(client: PoolClient, subject: string): Promise<number> {
  const { rows } = await client.query<{ erased: number }>(
    `with subscriptions as (
       delete from tem.price_subscription where "user" = $1 or chat = $1 returning id
     ), messages as (
       delete from tem.price_message where chat = $1 returning deal
     )
     select ((select count(*) from subscriptions) + (select count(*) from messages))::int as erased`,
    [subject],
  );
  return rows[0]?.erased ?? 0;
}
