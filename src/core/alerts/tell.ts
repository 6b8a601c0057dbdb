// Tells what waits to be told, in order of time, and keeps what came of it: a way that is away is tried again with a growing
// wait, for about half a day.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { backoffMs } from '../backoff.ts';
import type { Incident } from './incidents.ts';
import type { Message, Way, WayName } from './ways.ts';

export interface TellOptions {
  triesMax: number;
  baseMs: number;
  capMs: number;
}

export const TELL: TellOptions = { triesMax: 20, baseMs: 5_000, capMs: 3_600_000 };
const AT_ONCE_MAX = 20;
const WITHIN_MS = 15_000;
const ERROR_MAX = 300;

interface Waiting {
  what: Message['what'];
  way: WayName;
  tries: number;
  incident: Incident;
}

/** One round; a message of an incident waits for the one before it, as long as that is tried. */
export async function tellWaiting(
  pool: Pool,
  ways: readonly Way[],
  log: Logger,
  signal: AbortSignal,
  options: TellOptions = TELL,
): Promise<void> {
  for (const { what, way: name, tries, incident } of await waitingMessages(pool, ways)) {
    const way = ways.find((each) => each.name === name);
    if (!way || signal.aborted) return;
    const error = await way
      .tell({ what, incident }, AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]))
      .then(() => undefined, wordsOf);
    // Stopped in the middle: the next process tries it again.
    if (error !== undefined && signal.aborted) return;
    const isLast = tries + 1 >= options.triesMax;
    const waitMs = backoffMs({ baseMs: options.baseMs, capMs: options.capMs, jitter: 0.2 }, tries + 1);
    await pool.query(
      `update tem.incident_message set tries = tries + 1, error = $4, state = $5,
         told_at = case when $5 = 'told' then clock_timestamp() end,
         next_try_at = clock_timestamp() + $6 * interval '1 ms'
       where incident = $1 and what = $2 and way = $3 and state = 'waiting'`,
      [incident.id, what, name, error ?? null, error === undefined ? 'told' : isLast ? 'given_up' : 'waiting', waitMs],
    );
    if (error !== undefined) {
      log.warn({ incident: incident.id, way: name, tries: tries + 1, error }, 'an incident could not be told');
    }
  }
}

async function waitingMessages(pool: Pool, ways: readonly Way[]): Promise<Waiting[]> {
  const { rows } = await pool.query<Omit<Waiting, 'incident'> & Incident>(
    `select m.what, m.way, m.tries, i.id, i.kind, i.subject, i.detail, i.advice, i.count::float8 as count, i.samples,
       i.began_at as "beganAt", i.seen_at as "seenAt", i.ended_at as "endedAt"
     from tem.incident_message m join tem.incident i on i.id = m.incident
     where m.state = 'waiting' and m.next_try_at <= clock_timestamp() and m.way = any($1)
       and not (m.what = 'ended' and exists (select from tem.incident_message b where b.incident = m.incident
         and b.way = m.way and b.what = 'began' and b.state = 'waiting'))
     order by m.next_try_at limit ${AT_ONCE_MAX}`,
    [ways.map(({ name }) => name)],
  );
  return rows.map(({ what, way, tries, ...incident }) => ({ what, way, tries, incident }));
}

/** Not the whole error: that of the network may hold a user and a password. */
function wordsOf(error: Error & { code?: unknown; responseCode?: unknown }): string {
  const { code, responseCode, name, message } = error;
  if (name === 'TimeoutError') return `no answer within ${WITHIN_MS / 1_000} s`;
  if (typeof responseCode === 'number') return `the mail server answered ${responseCode}`;
  return typeof code === 'string' ? code : message.slice(0, ERROR_MAX);
}
