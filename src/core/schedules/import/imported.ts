// What an import makes: schedules as HTTP takes them, and what it can't take, in words.

export interface ImportedSchedule {
  id: string;
  cron?: string;
  every?: string;
  timeZone: string;
  type: string;
  payload: unknown;
  startAt?: string;
  endAt?: string;
  paused?: boolean;
  note?: string;
}

export interface Importing {
  /** Of what says nothing else. */
  timeZone: string;
  /** The event type of what has none of its own. */
  type: string;
  /** All of them, to be looked at first. */
  paused: boolean;
}

export interface ImportResult {
  schedules: ImportedSchedule[];
  refused: { where: string; problem: string }[];
}

const ID_LENGTH_MAX = 100;

export function refusal(where: string, problem: string): { where: string; problem: string } {
  return { where, problem };
}

/** An id made of a text. */
export function slug(text: string, fallback: string): string {
  const id = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, ID_LENGTH_MAX);
  return id === '' ? fallback : id;
}

/** The id, or the first of `id-2`, `id-3`... that none of the schedules has. */
export function unique(id: string, schedules: readonly { id: string }[]): string {
  const taken = new Set(schedules.map((schedule) => schedule.id));
  if (!taken.has(id)) return id;
  let number = 2;
  while (taken.has(`${id}-${number}`)) number += 1;
  return `${id}-${number}`;
}
