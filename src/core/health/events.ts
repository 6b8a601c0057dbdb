// What `tem doctor` says of events that wait and of types that are slow: nothing that is wrong by itself, but what a person
// looks for first when nothing seems to happen.

import type { Pool } from 'pg';
import { readDurations, type TypeDurations } from '../ledger/durations.ts';
import type { Finding } from './finding.ts';

const NAMED_MAX = 3;
const COUNTED_MAX = 10_000;

const PAUSED = `
  select f.type, f."group", (select count(*)::int from (select from tem.event e where e.type = f.type and e.due_at <= now()
      and (f."group" = '' or e."group" = f."group") limit ${COUNTED_MAX}) one) as waiting
  from tem.flow f where f.paused order by waiting desc, f.type, f."group" limit ${NAMED_MAX + 1}`;

/** Which flows people have paused, and what waits for them: they meant it, so that it is not wrong. */
export async function checkFlows(pool: Pool): Promise<Finding> {
  const { rows } = await pool.query<{ type: string; group: string; waiting: number }>(PAUSED);
  const words = rows
    .slice(0, NAMED_MAX)
    .map(({ type, group, waiting }) => `${type}${group === '' ? '' : `/${group}`} (${waiting} due)`);
  const more = rows.length > NAMED_MAX ? ' and others' : '';
  if (words.length === 0) return { name: 'flows', ok: true, detail: 'no flow is paused' };
  const detail = `paused: ${words.join(', ')}${more}; 'tem flows resume' lets them go on`;
  return { name: 'flows', ok: true, detail };
}

/** The types whose attempts took the longest lately, and how long their events waited before. */
export async function checkDurations(pool: Pool): Promise<Finding> {
  const slowest = Object.entries(await readDurations(pool))
    .sort(([, a], [, b]) => b.attemptMs - a.attemptMs)
    .slice(0, NAMED_MAX);
  const detail =
    slowest.length === 0
      ? 'nothing was processed in the last hour'
      : `means of the last hour: ${slowest.map(([type, durations]) => inWords(type, durations)).join('; ')}`;
  return { name: 'durations', ok: true, detail };
}

function inWords(type: string, { events, waitedMs, attemptMs }: TypeDurations): string {
  return `${type} ${seconds(attemptMs)} after a wait of ${seconds(waitedMs)} (${events} events)`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`;
}
