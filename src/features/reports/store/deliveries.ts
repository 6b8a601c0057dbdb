// The SQL of deliveries: one for each event, whose state and recipients say what an attempt has left to do. Writes are
// those of the attempt that has the claim; one that lost it throws ClaimLost.

import type { Pool } from 'pg';
import { uuidv7 } from 'uuidv7';
import type { Recipient } from '../mail/recipients.ts';
import type { Definition } from '../messages.ts';
import type { Row } from '../sources/rows.ts';
import type { Column } from '../sources/source.ts';

export type DeliveryState = 'building' | 'sending' | 'sent' | 'partial' | 'kept' | 'skipped' | 'failed';

export interface Preview {
  columns: Column[];
  rows: Row[];
}

export interface Delivery {
  id: string;
  report: string;
  event: string;
  definition: Definition;
  parameters: Record<string, string | null>;
  state: DeliveryState;
  note: string | null;
  error: string | null;
  fileName: string | null;
  rows: string | null;
  more: boolean;
  bytes: string | null;
  sha256: string | null;
  preview: Preview | null;
  file: string | null;
  fileUntil: Date | null;
  createdAt: Date;
  finishedAt: Date | null;
}

export interface RecipientRow {
  delivery: string;
  address: string;
  name: string | null;
  state: 'waiting' | 'sent' | 'refused' | 'kept';
  tries: number;
  code: number | null;
  detail: string | null;
  at: Date | null;
}

/** Another attempt has taken this delivery: what this one knows of it is old. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

const COLUMNS = `d.id, d.report, d.event_id as event, d.definition, d.parameters, d.state, d.note, d.error,
  d.file_name as "fileName", d.rows, d.more, d.bytes, d.sha256, d.preview, d.file, d.file_until as "fileUntil",
  d.created_at as "createdAt", d.finished_at as "finishedAt"`;

/** The event's delivery, made at its first attempt, and this attempt's from now on. */
export async function claimDelivery(
  pool: Pool,
  claim: string,
  {
    event,
    report,
    definition,
    parameters,
    recipients,
  }: {
    event: string;
    report: string;
    definition: Definition;
    parameters: Record<string, string | null>;
    recipients: readonly Recipient[];
  },
): Promise<Delivery> {
  await pool.query(
    `with made as (
       insert into tem.report_delivery (id, report, event_id, definition, parameters) values ($1, $2, $3, $4, $5)
       on conflict (event_id) do nothing returning id
     )
     insert into tem.report_recipient (delivery, address, name, position)
       select m.id, r.address, r.name, r.position from made m,
         unnest($6::text[], $7::text[]) with ordinality as r(address, name, position)`,
    [
      uuidv7(),
      report,
      event,
      JSON.stringify(definition),
      JSON.stringify(parameters),
      recipients.map(({ address }) => address),
      recipients.map(({ name }) => name ?? null),
    ],
  );
  const { rows } = await pool.query<Delivery>(
    `update tem.report_delivery d set claim = $2, finished_at = case when d.state = 'failed' then null else d.finished_at end,
       state = case when d.state = 'failed' then case when d.file is null then 'building' else 'sending' end else d.state end
     where event_id = $1 returning ${COLUMNS}`,
    [event, claim],
  );
  return rows[0] as Delivery;
}

export async function readDelivery(pool: Pool, id: string): Promise<Delivery | undefined> {
  const { rows } = await pool.query<Delivery>(`select ${COLUMNS} from tem.report_delivery d where id = $1`, [id]);
  return rows[0];
}

/** Newest first, below the id `before`. */
export async function listDeliveries(
  pool: Pool,
  { report, before, limit }: { report: string; before: string | undefined; limit: number },
): Promise<Delivery[]> {
  const { rows } = await pool.query<Delivery>(
    `select ${COLUMNS} from tem.report_delivery d where report = $1 and ($2::uuid is null or id < $2) order by id desc limit $3`,
    [report, before ?? null, limit],
  );
  return rows;
}

export async function readRecipients(pool: Pool, deliveries: readonly string[]): Promise<RecipientRow[]> {
  const { rows } = await pool.query<RecipientRow>(
    `select delivery, address, name, state, tries, code, detail, at from tem.report_recipient
     where delivery = any($1::uuid[]) order by delivery, position`,
    [deliveries],
  );
  return rows;
}

export interface Built {
  file: string;
  fileName: string;
  rows: number;
  more: boolean;
  bytes: number;
  sha256: string;
  preview: Preview;
  keptForMs: number;
}

export async function noteBuilt(pool: Pool, id: string, claim: string, built: Built): Promise<Delivery> {
  const { rows } = await pool.query<Delivery>(
    `update tem.report_delivery d set state = 'sending', file = $3, file_name = $4, rows = $5, more = $6, bytes = $7,
       sha256 = $8, preview = $9, file_until = clock_timestamp() + $10 * interval '1 ms'
     where id = $1 and claim = $2 returning ${COLUMNS}`,
    [
      id,
      claim,
      built.file,
      built.fileName,
      built.rows,
      built.more,
      built.bytes,
      built.sha256,
      JSON.stringify(built.preview),
      built.keptForMs,
    ],
  );
  if (!rows[0]) throw new ClaimLost('another attempt has taken this report');
  return rows[0];
}

export async function finish(
  pool: Pool,
  id: string,
  claim: string,
  { state, note }: { state: DeliveryState; note?: string | undefined },
): Promise<void> {
  const { rowCount } = await pool.query(
    `update tem.report_delivery set state = $3, note = $4, error = null, finished_at = clock_timestamp() where id = $1 and claim = $2`,
    [id, claim, state, note ?? null],
  );
  if (rowCount === 0) throw new ClaimLost('another attempt has taken this report');
}

export async function noteFailed(pool: Pool, event: string, error: string, final: boolean): Promise<void> {
  await pool.query(
    `update tem.report_delivery set error = $2,
       state = case when $3 then 'failed' else state end, finished_at = case when $3 then clock_timestamp() end
     where event_id = $1 and finished_at is null`,
    [event, error, final],
  );
}

/** What the mail server said to these recipients; `kept` when there is none. */
export interface RecipientOutcome {
  address: string;
  state: RecipientRow['state'];
  code: number | null;
  detail: string | null;
}

export async function noteRecipients(
  pool: Pool,
  id: string,
  claim: string,
  outcomes: readonly RecipientOutcome[],
): Promise<void> {
  const { rowCount } = await pool.query(
    `update tem.report_recipient r set state = o.state, code = o.code, detail = o.detail, at = clock_timestamp(),
       tries = r.tries + case when o.state = 'kept' then 0 else 1 end
     from unnest($3::text[], $4::text[], $5::int[], $6::text[]) as o(address, state, code, detail), tem.report_delivery d
     where d.id = $1 and d.claim = $2 and r.delivery = d.id and r.address = o.address and r.state = 'waiting'`,
    [
      id,
      claim,
      outcomes.map(({ address }) => address),
      outcomes.map(({ state }) => state),
      outcomes.map(({ code }) => code),
      outcomes.map(({ detail }) => detail),
    ],
  );
  if (rowCount !== outcomes.length) throw new ClaimLost('another attempt has taken this report');
}

/** Throws ClaimLost unless the claim is still this attempt's. */
export async function holdClaim(pool: Pool, id: string, claim: string): Promise<void> {
  const { rowCount } = await pool.query('select from tem.report_delivery where id = $1 and claim = $2', [id, claim]);
  if (rowCount === 0) throw new ClaimLost('another attempt has taken this report');
}
