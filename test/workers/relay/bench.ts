// What the relay's tests share: a ledger and a namespace of their own with a starter on them. No worker polls the
// namespace, so that every run stays as the relay has started it.

import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import { defineEventType, type EventType, type EventTypeDefinition } from '../../../src/core/event-type.ts';
import { createEventTypes } from '../../../src/core/event-types.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { temIdentity } from '../../../src/workers/identity.ts';
import { Dispatcher } from '../../../src/workers/relay/dispatcher.ts';
import { createLanes } from '../../../src/workers/relay/lanes.ts';
import { Relay } from '../../../src/workers/relay/relay.ts';
import { createSlots } from '../../../src/workers/relay/slots.ts';
import { Starter } from '../../../src/workers/relay/starter.ts';
import { createDatabase } from '../../support/database.ts';
import { acceptLate } from '../../support/late.ts';
import { createNamespace } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';

const TASK_QUEUE = 'nobody polls this';

export const typeOf = (name: string, further: Partial<EventTypeDefinition> = {}): EventType =>
  defineEventType({ name, payload: {}, handle: () => {}, ...further });

export interface BenchRow {
  id: string;
  type: string;
  key: string;
  group: string;
  priority: number;
  state: string;
  lane: number;
  generation: number;
  worker_id: string | null;
  workflow_id: string | null;
  claimed: boolean;
  last_error: string | null;
}

/** `registered`: whether the namespace has TEM's search attributes; the starter believes so in any case. */
export async function createRelayBench(types: EventType[], { registered = true, slots = 8, batch = true } = {}) {
  const { databaseUrl, pool } = await createDatabase();
  const temporal = await createNamespace({ searchAttributes: registered });
  const connection = await NativeConnection.connect({ address: temporal.address });
  onTestFinished(() => connection.close());
  const workerId = randomUUID();
  const lines: { level: number; msg: string }[] = [];
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const { rows: ledgers } = await pool.query<{ id: string }>('select id from tem.ledger');
  const identity = temIdentity(workerId, 'test', process.pid);
  const client = new Client({ connection, namespace: temporal.namespace, identity });
  const starter = new Starter({
    client,
    ledgerId: ledgers[0]?.id as string,
    taskQueue: TASK_QUEUE,
    searchAttributes: true,
    log,
  });
  const registry = createEventTypes(types);
  const shared = { workerId, pool, types: registry, starter, batch, log };
  return {
    pool,
    databaseUrl,
    temporal,
    starter,
    lines,
    client,
    registry,
    log,
    ledgerId: ledgers[0]?.id as string,
    taskQueue: TASK_QUEUE,
    /** A dispatcher with slots and lanes of its own, which the test drives. */
    dispatcher() {
      const own = createSlots(slots);
      const lanes = createLanes(pool, new Set(types.map(({ name }) => name)));
      const dispatcher = new Dispatcher({ ...shared, lanes, slots: own, onStart: () => {} });
      return {
        slots: own,
        counters: dispatcher.counters,
        pauseMs: () => dispatcher.pauseMs,
        /** Looks at the queue and serves the type once; resolves to how many events it claimed. */
        async serve(type: EventType): Promise<number> {
          await waitFor(() => lanes.restLeftMs() === 0);
          await lanes.refresh(true);
          const claimed = await dispatcher.serve(type);
          await dispatcher.settled();
          return claimed;
        },
      };
    },
    /** The whole relay, running; it is stopped when the test has ended. */
    async relay(): Promise<Relay> {
      const listener = createListener(databaseUrl, log);
      const relay = new Relay({ ...shared, slots, listener });
      relay.start();
      onTestFinished(async () => {
        await relay.stop();
        await listener.stop();
      });
      await listener.ready();
      return relay;
    },
    async enqueue(
      type: EventType,
      count: number,
      further: { group?: string; priority?: number; lateMs?: number } = {},
    ) {
      const { rows } = await acceptLate(pool, further.lateMs ?? 0, (client) =>
        client.query<{ id: string }>(
          `select tem.enqueue($1, '{}', "group" => $2, priority => $3) as id from generate_series(1, $4)`,
          [type.name, further.group ?? null, further.priority ?? 3, count],
        ),
      );
      return rows.map(({ id }) => id);
    },
    async rows(type?: EventType): Promise<BenchRow[]> {
      const { rows } = await pool.query<BenchRow>(
        'select *, due_by is not null as claimed from tem.event where $1::text is null or type = $1 order by id',
        [type?.name ?? null],
      );
      return rows;
    },
  };
}

/** How many of the rows have each value. */
export function countBy<Value extends string | number>(
  rows: readonly BenchRow[],
  value: (row: BenchRow) => Value,
): Record<Value, number> {
  const counts = {} as Record<Value, number>;
  for (const row of rows) counts[value(row)] = (counts[value(row)] ?? 0) + 1;
  return counts;
}
