// Event types whose handlers do what their event's payload says, loaded into real worker processes (TEM_EVENT_TYPES).
// What they do is logged outside of their transaction, so that tests see what ran and not only what was committed.

import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import {
  defineEventType,
  type EventTypeDefinition,
  type EventView,
  type HandlerContext,
  NotRetryable,
  RetryAfter,
  type Static,
  Type,
} from 'tem';

const GATE_POLL_MS = 20;
const BLOCK_MS = 5_000;
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });

const Script = Type.Object(
  {
    /** What each attempt does; those beyond the last do `ok`. */
    plan: Type.Optional(Type.Array(Type.String())),
    /** What each try of the compensation does. */
    undo: Type.Optional(Type.Array(Type.String())),
    delayMs: Type.Optional(Type.Integer()),
    person: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
type Script = Static<typeof Script>;
type Event = EventView<Script>;

async function log(event: Event, what: string): Promise<void> {
  await pool.query('insert into done (event, attempt, what) values ($1, $2, $3)', [event.id, event.attempt, what]);
}

async function isOpen(event: Event): Promise<boolean> {
  const { rowCount } = await pool.query('select from gate where key = $1', [event.key]);
  return rowCount !== 0;
}

function block(forMs: number): void {
  const until = performance.now() + forMs;
  while (performance.now() < until);
}

const leaked: { tx?: HandlerContext['tx'] } = {};

const ACTIONS: Record<string, (event: Event, context: HandlerContext) => Promise<unknown> | unknown> = {
  ok: async ({ id }, { tx }) => {
    await tx.query('insert into effect (event) values ($1)', [id]);
    return { fine: true };
  },
  fail: () => {
    throw new Error('the script says fail');
  },
  never: () => {
    throw new NotRetryable('the script says never');
  },
  neverAndSayWho: ({ payload }) => {
    throw new NotRetryable(`nobody knows ${payload.person}`);
  },
  later: ({ payload }) => {
    throw new RetryAfter('the script says later', payload.delayMs ?? 0);
  },
  /** Until the test opens the gate of the event's key, or the attempt is aborted. */
  hold: async (event, { signal, tx }) => {
    while (!(await isOpen(event))) await pause(GATE_POLL_MS, undefined, { signal });
    await tx.query('insert into effect (event) values ($1)', [event.id]);
  },
  /** The same, deaf to its signal. */
  holdOn: async (event) => {
    while (!(await isOpen(event))) await pause(GATE_POLL_MS);
  },
  /** Held, and then a failure of its own. */
  holdAndFail: async (event) => {
    while (!(await isOpen(event))) await pause(GATE_POLL_MS);
    throw new Error('the script says fail');
  },
  forget: async (event) => {
    void Promise.reject(new Error('nobody waits for me'));
    while (!(await isOpen(event))) await pause(GATE_POLL_MS);
  },
  forgetForLater: (event) => {
    void (async () => {
      while (!(await isOpen(event))) await pause(GATE_POLL_MS);
      throw new Error('nobody waited for me');
    })();
  },
  forgetAndFail: (event) => {
    void (async () => {
      while (!(await isOpen(event))) await pause(GATE_POLL_MS);
      throw new Error('nobody waited for me');
    })();
    throw new Error('the reason');
  },
  throwFromTimer: async (event) => {
    setTimeout(() => {
      throw new Error('thrown from a timer');
    });
    while (!(await isOpen(event))) await pause(GATE_POLL_MS);
  },
  leak: (_, { tx }) => {
    leaked.tx = tx;
  },
  useLeaked: async () => {
    await leaked.tx?.query('select 1');
  },
  swallow: async (_, { tx }) => {
    await tx.query('select 1 / 0').catch(() => {});
  },
  atCommit: async ({ id }, { tx }) => {
    await tx.query('insert into effect (event, uniquely) values ($1::uuid, $2), ($1::uuid, $2)', [id, id]);
  },
  throwUndefined: () => {
    throw undefined;
  },
  tooMuch: () => 'x'.repeat(3_000_000),
  unserialisable: () => ({ n: 3n }),
  /** Begins a query that fails, and doesn't wait for it. */
  leaveQuery: (_, { tx }) => {
    void tx.query('select 1 / 0');
  },
  /** Keeps its transaction open and never comes back. */
  holdTransaction: async ({ id }, { tx }) => {
    await tx.query('insert into effect (event) values ($1)', [id]);
    await new Promise(() => {});
  },
  /** Until it is aborted; says when that was, in Unix milliseconds of this machine. */
  tellAborted: async (event, { signal }) => {
    const at = await new Promise<number>((resolve) => {
      signal.addEventListener('abort', () => resolve(Date.now()));
    });
    await log(event, `aborted at ${at}`);
    throw signal.reason;
  },
  block: () => block(BLOCK_MS),
  beat: async (event, { heartbeat, signal }) => {
    heartbeat({ step: 'half way' });
    while (!(await isOpen(event))) await pause(GATE_POLL_MS, undefined, { signal });
  },
  emit: async (event, { emit }) => {
    await emit('quick', { plan: ['ok'] }, { key: `${event.key}-emitted` });
  },
};

async function act(event: Event, context: HandlerContext, what: string): Promise<unknown> {
  await log(event, what);
  return ACTIONS[what]?.(event, context);
}

const tries = new Map<string, number>();

const scripted = {
  payload: Script,
  handle: (event: Event, context: HandlerContext) =>
    act(event, context, event.payload.plan?.[event.attempt - 1] ?? 'ok'),
} as const;

const undoing: Pick<EventTypeDefinition<typeof Script>, 'compensate' | 'compensationRetry'> = {
  compensationRetry: { maxAttempts: 3, base: '100ms', cap: '200ms' },
  async compensate(event, { error, tx, ...context }) {
    const tried = tries.get(event.id) ?? 0;
    tries.set(event.id, tried + 1);
    const what = event.payload.undo?.[tried] ?? 'undo';
    await log(event, `compensate: ${error.message}`);
    if (what !== 'undo') await ACTIONS[what]?.(event, { ...context, tx });
    await tx.query(`insert into effect (event, what) values ($1, 'undone')`, [event.id]);
  },
};

const QUICKLY = { maxAttempts: 3, base: '200ms', cap: '1s' } as const;
const PATIENTLY = { maxAttempts: 4, base: '10m', cap: '1h' } as const;

export const quick = defineEventType({ ...scripted, name: 'quick', retry: QUICKLY });
export const steady = defineEventType({
  ...scripted,
  name: 'steady',
  retry: { maxAttempts: 3, base: '3s', cap: '3s', jitter: 0 },
});
export const patient = defineEventType({ ...scripted, name: 'patient', retry: PATIENTLY });
export const undone = defineEventType({ ...scripted, ...undoing, name: 'undone', retry: QUICKLY });
export const patientUndone = defineEventType({ ...scripted, ...undoing, name: 'patient-undone', retry: PATIENTLY });
export const long = defineEventType({ ...scripted, name: 'long', long: true, retry: QUICKLY });
export const longUndone = defineEventType({ ...scripted, ...undoing, name: 'long-undone', long: true, retry: QUICKLY });
export const secretive = defineEventType({ ...scripted, name: 'secretive', keyPrivate: true, retry: QUICKLY });
export const aboutPerson = defineEventType({
  ...scripted,
  name: 'about-person',
  subject: '/person',
  retry: QUICKLY,
});
export const many = defineEventType({ ...scripted, name: 'many', batch: 50, retry: QUICKLY });
export const manyPatient = defineEventType({ ...scripted, name: 'many-patient', batch: 50, retry: PATIENTLY });
/** Gives up on its handler after 3 seconds. */
export const manyHasty = defineEventType({
  ...scripted,
  name: 'many-hasty',
  batch: 50,
  timeout: '3s',
  retry: QUICKLY,
});
export const manyUndone = defineEventType({ ...scripted, ...undoing, name: 'many-undone', batch: 50, retry: QUICKLY });
export const together = defineEventType({
  ...scripted,
  name: 'together',
  batch: 50,
  timeout: '3s',
  retry: QUICKLY,
  async handleAll(events, context) {
    for (const event of events) {
      const what = event.payload.plan?.[event.attempt - 1] ?? 'ok';
      if (what !== 'ok') await ACTIONS[what]?.(event, context);
    }
    await context.tx.query('insert into effect (event, what) select event, $2 from unnest($1::uuid[]) as e(event)', [
      events.map(({ id }) => id),
      `together ${events.length}`,
    ]);
  },
});
export const upgraded = defineEventType({
  name: 'upgraded',
  version: 2,
  payload: Type.Object(
    { name: Type.Object({ first: Type.String(), last: Type.String() }) },
    { additionalProperties: false },
  ),
  upgrade(old) {
    const [first, last] = (old as { name: string }).name.split(' ');
    return { name: { first, last } };
  },
  handle: ({ payload }) => payload.name,
});
