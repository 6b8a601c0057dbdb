// Which events a page of a list may show, as SQL for their ids. Each filter but `q` has an index that is in the order of
// the page: one for each pair of a type and a state, and the same within a group. A page is merged from the newest few of
// each pair, so it reads no more than it may show, also when nothing matches or all that matches is old.

import { STATES } from './states.ts';

export interface EventFilter {
  states?: readonly string[];
  type?: string;
  /** One of these; not beside `type`. */
  types?: readonly string[];
  group?: string;
  /** One of these; not beside `group`. */
  groups?: readonly string[];
  key?: string;
  /**
   * Part of a key, an id, an error or a payload's text, in any case. No index serves it: it reads event after event,
   * newest first, until the page is full, so narrow it by state, type or time on a large ledger.
   */
  q?: string;
  /** Values in the payload, as jsonpath predicates: all of them must hold. Read event after event, as `q` is. */
  payload?: readonly string[];
  /** Types whose payloads `q` and `payload` leave out: a search that found a secret would tell it. */
  secretTypes?: string[];
  /** Of their error; only what is FAILED or EXTINCT has one that counts. */
  fingerprint?: string;
  /** An attempt has failed, and they have not ended. */
  retrying?: boolean;
  /** createdAt from (inclusive) and to (exclusive). */
  from?: Date;
  to?: Date;
}

/** A query for up to `limit` ids, newest first. */
export interface Candidates {
  /** Further common table expressions, each with a comma behind it; they may be recursive. */
  tables: string;
  /** The select of ids. */
  text: string;
  values: unknown[];
}

// An id's time is the clock of whoever made it, and it may be hours after the start of its transaction (created_at):
// the bound on ids only spares reading what lies far outside.
const ID_SLACK_MS = 24 * 3_600_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Whether no index serves the filter, so that a page may take seconds. */
export function isSlow({ q, payload, group, groups, retrying }: EventFilter): boolean {
  return q !== undefined || payload !== undefined || retrying === true || group === '' || groups !== undefined;
}

/** The first `limit` ids that come after `before`, the last id of the page before. */
export function candidates(filter: EventFilter, before: string | undefined, limit: number): Candidates {
  if (filter.fingerprint !== undefined) return byFingerprint(filter, filter.fingerprint, before, limit);
  if (filter.q !== undefined || filter.payload !== undefined) return bySearch(filter, before, limit);
  const { values, place } = createValues();
  const within =
    filter.group === undefined || filter.group === '' ? '' : `e."group" <> '' and e."group" = ${place(filter.group)}`;
  const and = (condition: string): string => (condition === '' ? '' : `and ${condition}`);
  const tables = `
    types as (${typesOf(filter)}
    ), page_end as materialized (
      select end_at, end_id from (${pageEnds(filter, before, place).join(' union all ')}) as ends order by end_at, end_id limit 1
    ), states as (
      select unnest(${place(filter.states ?? STATES)}::text[]) as state
    ), `;
  const conditions = [
    'e.type = t.type',
    '(e.created_at, e.id) < (p.end_at, p.end_id)',
    ...(filter.key === undefined ? [] : [`e.key = ${place(filter.key)}`]),
    ...(filter.group === undefined ? [] : [within || `e."group" = ''`]),
    ...(filter.groups === undefined ? [] : [`e."group" = any(${place(filter.groups)}::text[])`]),
    ...(filter.from === undefined ? [] : [`e.created_at >= ${place(filter.from)}`]),
    ...(filter.retrying ? [RETRYING] : []),
  ].join(' and ');
  const newest = 'order by created_at desc, id desc limit';
  // A key is unique within its type.
  const some =
    filter.key === undefined
      ? `states s cross join lateral (
          select e.id, e.created_at from tem.event e where ${conditions} and e.state = s.state ${newest} ${limit}) of_pair`
      : `lateral (select e.id, e.created_at from tem.event e
          where ${conditions} and e.state in (select state from states)) of_type`;
  return { tables, text: `select id from page_end p cross join types t cross join ${some} ${newest} ${limit}`, values };

  function typesOf({ type, types }: EventFilter): string {
    if (type !== undefined) return `select ${place(type)}::text as type`;
    return types === undefined ? typesWithin(within) : `select distinct unnest(${place(types)}::text[]) as type`;
  }

  /** Each type that there is, by one descent of an index for each. */
  function typesWithin(within: string): string {
    return `
      (select e.type from tem.event e ${within === '' ? '' : `where ${within}`} order by e.type limit 1)
      union all
      select next.type from types t cross join lateral (
        select e.type from tem.event e where e.type > t.type ${and(within)} order by e.type limit 1) next`;
  }
}

type Place = (value: unknown) => string;

function createValues(): { values: unknown[]; place: Place } {
  const values: unknown[] = [];
  return { values, place: (value) => `$${values.push(value)}` };
}

/** Every place that a page must come after; one of them alone, or a scan would begin at the wrong one. */
function pageEnds({ to }: EventFilter, before: string | undefined, place: Place): string[] {
  const end = (at: string, id: string): string => `select ${at} as end_at, ${id}::uuid as end_id`;
  const ends = [end(`'infinity'::timestamptz`, `'${FIRST_ID}'`)];
  if (to !== undefined) ends.push(end(`${place(to)}::timestamptz`, `'${FIRST_ID}'`));
  // Retention may have taken it meanwhile.
  if (before !== undefined) {
    const id = place(before);
    ends.push(end(`coalesce((select created_at from tem.event where id = ${id}::uuid), ${place(timeOf(before))})`, id));
  }
  return ends;
}

/** By the index of what has failed, which is small: those of one fingerprint are sorted. */
function byFingerprint(
  filter: EventFilter,
  fingerprint: string,
  before: string | undefined,
  limit: number,
): Candidates {
  const { values, place } = createValues();
  const ends = pageEnds(filter, before, place).join(' union all ');
  const conditions = [
    `e.fingerprint = ${place(fingerprint)} and e.state in ('FAILED', 'EXTINCT')`,
    '(e.created_at, e.id) < (p.end_at, p.end_id)',
    ...moreConditions(filter, place),
  ].join(' and ');
  return {
    tables: `page_end as materialized (
      select end_at, end_id from (${ends}) as ends order by end_at, end_id limit 1
    ), `,
    text: `select e.id from page_end p, tem.event e where ${conditions} order by e.created_at desc, e.id desc limit ${limit}`,
    values,
  };
}

const RETRYING = `e.retry_count > 0 and e.state in ('QUEUED', 'PROCESSING', 'FAILED')`;

/** What no index is chosen by. */
function moreConditions(filter: EventFilter, place: Place): string[] {
  const conditions: string[] = [];
  const add = (value: unknown, condition: (at: string) => string): void => {
    if (value !== undefined) conditions.push(condition(place(value)));
  };
  add(filter.states, (at) => `e.state = any(${at}::text[])`);
  add(filter.type, (at) => `e.type = ${at}`);
  add(filter.types, (at) => `e.type = any(${at}::text[])`);
  add(filter.group, (at) => `e."group" = ${at}`);
  add(filter.groups, (at) => `e."group" = any(${at}::text[])`);
  add(filter.key, (at) => `e.key = ${at}`);
  add(filter.from, (at) => `e.created_at >= ${at}`);
  if (filter.retrying) conditions.push(RETRYING);
  if (filter.q === undefined && filter.payload === undefined) return conditions;
  const payload = `e.type <> all(${place(filter.secretTypes ?? [])}::text[])`;
  for (const path of filter.payload ?? []) conditions.push(`${payload} and e.payload @@ ${place(path)}::jsonpath`);
  if (filter.q === undefined) return conditions;
  const part = `ilike ${place(`%${filter.q.replace(/[\\%_]/g, '\\$&')}%`)}`;
  conditions.push(
    `(e.key ${part} or e.id::text ${part} or e.last_error ${part} or ${payload} and e.payload::text ${part})`,
  );
  return conditions;
}

function bySearch(filter: EventFilter, before: string | undefined, limit: number): Candidates {
  const { values, place } = createValues();
  const conditions = moreConditions(filter, place);
  const add = (value: unknown, condition: (at: string) => string): void => {
    if (value !== undefined) conditions.push(condition(place(value)));
  };
  add(before, (at) => `e.id < ${at}::uuid`);
  add(filter.from && idAt(filter.from.getTime() - ID_SLACK_MS), (at) => `e.id >= ${at}::uuid`);
  add(filter.to, (at) => `e.created_at < ${at}`);
  add(filter.to && idAt(filter.to.getTime() + ID_SLACK_MS), (at) => `e.id < ${at}::uuid`);
  return {
    tables: '',
    text: `select e.id from tem.event e where ${conditions.join(' and ')} order by e.id desc limit ${limit}`,
    values,
  };
}

/** The smallest UUID of version 7 at a time. */
function idAt(ms: number): string {
  const clamped = Math.min(Math.max(0, Math.trunc(ms)), 2 ** 48 - 1);
  return `${clamped.toString(16).padStart(12, '0')}70008000000000000000`.replace(
    /^(.{8})(.{4})(.{4})(.{4})(.{12})$/,
    '$1-$2-$3-$4-$5',
  );
}

/** The time in a UUID of version 7. */
function timeOf(id: string): Date {
  return new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16));
}
