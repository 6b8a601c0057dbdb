// What is kept of a person: that a report went to his address. Definitions name who gets the next run, and stay.

import type { PoolClient } from 'pg';

const SLICE_MAX = 1_000;

/** `subject` is an address of mail. A delivery that is under way still goes to it. */
export async function eraseRecipient(client: PoolClient, subject: string): Promise<number> {
  const { rowCount } = await client.query(
    `delete from tem.report_recipient where (delivery, address) in (
       select r.delivery, r.address from tem.report_recipient r join tem.report_delivery d on d.id = r.delivery
       where lower(r.address) = lower($1) and d.state not in ('building', 'sending') limit ${SLICE_MAX})`,
    [subject],
  );
  return rowCount ?? 0;
}
