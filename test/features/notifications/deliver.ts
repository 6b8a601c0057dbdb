// Hands notifications to the event type's own handler, in a real transaction that commits or stays open as a test says.

import type pg from 'pg';
import pino from 'pino';
import { uuidv7 } from 'uuidv7';
import { LedgerTransaction } from '../../../src/core/attempt/transaction.ts';
import type { EventView, HandlerContext } from '../../../src/core/event-type.ts';
import { createNotifier } from '../../../src/core/ledger/notifier.ts';
import { notification } from '../../../src/features/notifications/event-types.ts';
import type { NotificationPayload } from '../../../src/features/notifications/messages.ts';

export type Given = Partial<NotificationPayload> & { user: string; event?: string };

/** Handles the notifications as one batch; what is returned commits them, and tells the gateways like a worker does. */
export async function handleOpen(pool: pg.Pool, given: Given[], options: { oneByOne?: boolean; told?: boolean } = {}) {
  const tx = new LedgerTransaction(pool);
  const context = {
    tx,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
    heartbeat() {},
  } as unknown as HandlerContext;
  const events = given.map((each) => eventOf(each) as EventView<never>);
  if (options.oneByOne) for (const event of events) await notification.handle(event, context);
  else await notification.handleAll?.(events, context);
  return {
    ids: events.map(({ id }) => id),
    rollback: () => tx.rollback(),
    async commit() {
      await tx.commit(async () => true);
      if (options.told === false) return;
      const notifier = createNotifier(pool);
      for (const { channel, payload } of tx.afterCommit) notifier.send(channel, payload);
    },
  };
}

export async function deliver(
  pool: pg.Pool,
  given: Given[],
  options: { oneByOne?: boolean; told?: boolean } = {},
): Promise<string[]> {
  const open = await handleOpen(pool, given, options);
  await open.commit();
  return open.ids;
}

function eventOf({ event, ...payload }: Given): EventView<NotificationPayload> {
  const id = event ?? uuidv7();
  return {
    id,
    type: 'notification',
    key: id,
    idempotencyKey: id,
    group: null,
    priority: 3,
    attempt: 1,
    maxAttempts: 5,
    createdAt: new Date(),
    payload: { title: 'A title', body: '', ...payload },
  };
}
