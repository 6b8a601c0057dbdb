// Event types that do what their payload says, step by step, and write down what they did: effects in the ledger's
// transaction, effects on a connection of their own, and a log file that no outage touches. Loaded by the processes
// under test through TEM_EVENT_TYPES; TEST_FOLDER names the folder of the log and of the gates.

import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { defineEventType, type EventView, type HandlerContext, NotRetryable, RetryAfter, type Static, Type } from 'tem';

const Step = Type.Union([
  /** A row in `effect`, through `tx`. */
  Type.Object({ do: Type.Literal('write') }),
  /** A row in `effect`, committed at once on a connection outside of the transaction. */
  Type.Object({ do: Type.Literal('writeOutside') }),
  /** Raises the one row of `tally`, through `tx`: all who do so stand in one queue for its lock. */
  Type.Object({ do: Type.Literal('count') }),
  /** Waits until the gate is open, whatever the signal says. */
  Type.Object({ do: Type.Literal('hold'), gate: Type.String() }),
  /** Waits until the gate is open or the signal aborts. */
  Type.Object({ do: Type.Literal('holdObeying'), gate: Type.String() }),
  Type.Object({ do: Type.Literal('sleep'), ms: Type.Integer() }),
  /** Blocks the event loop. */
  Type.Object({ do: Type.Literal('block'), ms: Type.Integer() }),
  /** Throws in the first `times` attempts. */
  Type.Object({ do: Type.Literal('fail'), times: Type.Integer() }),
  Type.Object({ do: Type.Literal('failForGood') }),
  Type.Object({ do: Type.Literal('failWithDelay'), ms: Type.Integer() }),
  /** Ends the whole process, as a native crash or the kernel's out-of-memory killer would, while the gate is closed. */
  Type.Object({ do: Type.Literal('crash'), unless: Type.String() }),
  Type.Object({ do: Type.Literal('emit'), type: Type.String(), count: Type.Integer() }),
]);
export type Step = Static<typeof Step>;

const Steps = Type.Object({
  steps: Type.Array(Step),
  compensation: Type.Optional(Type.Array(Step)),
  filler: Type.Optional(Type.String()),
});
type Steps = Static<typeof Steps>;

export interface Logged {
  /** Unix milliseconds. */
  at: number;
  pid: number;
  event: string;
  idempotencyKey: string;
  attempt: number;
  what: 'began' | 'holding' | 'returned' | 'threw' | 'compensating' | 'compensated';
}

const HOLD_POLL_MS = 10;
const RETRY = { base: '300ms', cap: '3s' } as const;
const { TEST_FOLDER: folder, DATABASE_URL: databaseUrl } = process.env;
let outside: pg.Pool | undefined;

function log(event: EventView<unknown>, what: Logged['what']): void {
  // Loaded also by an API, which runs no handler.
  if (folder === undefined) throw new Error('TEST_FOLDER is not set');
  const { id, idempotencyKey, attempt } = event;
  const entry: Logged = { at: Date.now(), pid: process.pid, event: id, idempotencyKey, attempt, what };
  appendFileSync(join(folder, 'log'), `${JSON.stringify(entry)}\n`);
}

function isOpen(gate: string): boolean {
  return existsSync(join(folder ?? '', `gate-${gate}`));
}

const WRITE = 'insert into effect (event_id, attempt, kind) values ($1, $2, $3)';

async function take(
  step: Step,
  event: EventView<Steps>,
  context: HandlerContext,
  kind: 'done' | 'undone',
): Promise<void> {
  switch (step.do) {
    case 'write':
      await context.tx.query(WRITE, [event.id, event.attempt, kind]);
      return;
    case 'writeOutside':
      outside ??= new pg.Pool({ connectionString: databaseUrl, max: 4 });
      await outside.query(WRITE, [event.id, event.attempt, 'outside']);
      return;
    case 'count':
      await context.tx.query('update tally set count = count + 1');
      return;
    case 'hold':
      log(event, 'holding');
      while (!isOpen(step.gate)) await delay(HOLD_POLL_MS);
      return;
    case 'holdObeying':
      log(event, 'holding');
      while (!isOpen(step.gate)) await delay(HOLD_POLL_MS, undefined, { signal: context.signal });
      return;
    case 'sleep':
      await delay(step.ms);
      return;
    case 'block':
      for (const until = performance.now() + step.ms; performance.now() < until /* nothing else may run */; );
      return;
    case 'fail':
      if (event.attempt <= step.times) throw new Error(`attempt ${event.attempt} fails as it was told`);
      return;
    case 'failForGood':
      throw new NotRetryable('this can never succeed');
    case 'failWithDelay':
      if (event.attempt === 1) throw new RetryAfter('come back later', step.ms);
      return;
    case 'crash':
      if (!isOpen(step.unless)) process.kill(process.pid, 'SIGKILL');
      return;
    case 'emit':
      for (let index = 0; index < step.count; index++) {
        await context.emit(step.type, { steps: [{ do: 'write' }] }, { key: `${event.key}/${index}` });
      }
  }
}

async function handle(event: EventView<Steps>, context: HandlerContext): Promise<{ attempt: number }> {
  log(event, 'began');
  try {
    for (const step of event.payload.steps) await take(step, event, context, 'done');
  } catch (error) {
    log(event, 'threw');
    throw error;
  }
  log(event, 'returned');
  return { attempt: event.attempt };
}

async function compensate(event: EventView<Steps>, context: HandlerContext): Promise<void> {
  log(event, 'compensating');
  for (const step of event.payload.compensation ?? [{ do: 'write' }]) await take(step, event, context, 'undone');
  log(event, 'compensated');
}

export const work = defineEventType({ name: 'work', payload: Steps, retry: RETRY, timeout: '2m', batch: 20, handle });

/** Its batches run in one transaction. */
export const together = defineEventType({
  name: 'together',
  payload: Steps,
  retry: RETRY,
  timeout: '2m',
  batch: 20,
  handle,
  async handleAll(events, context) {
    for (const event of events) await handle(event, context);
  },
});

export const compensated = defineEventType({
  name: 'compensated',
  payload: Steps,
  retry: { ...RETRY, maxAttempts: 2 },
  timeout: '2m',
  batch: 20,
  handle,
  compensate,
});

/** Always a workflow of its own, also under pressure: for what a person does to an event's own run. */
export const solitary = defineEventType({
  name: 'solitary',
  payload: Steps,
  retry: { ...RETRY, maxAttempts: 2 },
  timeout: '2m',
  handle,
  compensate,
});

/** An ordinary activity from its first attempt on. */
export const lengthy = defineEventType({
  name: 'lengthy',
  payload: Steps,
  retry: RETRY,
  timeout: '2m',
  long: true,
  handle,
});

/** Waits longer between its attempts, so that a test can act meanwhile. */
export const patient = defineEventType({
  name: 'patient',
  payload: Steps,
  retry: { base: '1h' },
  timeout: '2m',
  handle,
  batch: 20,
});

/** Gives up on its handler after a second. */
export const hasty = defineEventType({ name: 'hasty', payload: Steps, retry: RETRY, timeout: '1s', batch: 20, handle });

/** The default policy, for storms. */
export const stormy = defineEventType({ name: 'stormy', payload: Steps, batch: 100, handle });
