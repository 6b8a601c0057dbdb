// LISTEN on one connection of its own that comes back by itself. NOTIFY is a hint and never the truth: whoever listens
// also polls slowly, and looks at once after a reconnect, because what was said meanwhile is gone.

import pg from 'pg';
import type { Logger } from 'pino';
import { sessionOptions } from './pool.ts';

export interface Listener {
  listen(channel: string, onPayload: (payload: string) => void, onReconnect?: () => void): void;
  /** Resolves when LISTEN is in force for every channel so far. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

const RECONNECT_DELAY_MS = 250;
const RECONNECT_DELAY_MAX_MS = 5_000;

interface Subscription {
  onPayload: (payload: string) => void;
  onReconnect: (() => void) | undefined;
}

export function createListener(databaseUrl: string, log: Logger): Listener {
  const subscriptions = new Map<string, Subscription[]>();
  let client: pg.Client | undefined;
  let connecting: Promise<void> | undefined;
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;
  let delayMs = RECONNECT_DELAY_MS;
  const waiting: (() => void)[] = [];

  const connect = async (): Promise<void> => {
    const { max: _max, ...session } = sessionOptions(databaseUrl, { max: 1, applicationName: 'tem listener' });
    const fresh = new pg.Client(session);
    const lost = () => {
      if (client === fresh) {
        client = undefined;
        schedule();
      }
      fresh.end().catch(() => {});
    };
    fresh.on('error', lost);
    fresh.on('end', lost);
    fresh.on('notification', ({ channel, payload }) => {
      for (const subscription of subscriptions.get(channel) ?? []) subscription.onPayload(payload ?? '');
    });
    try {
      await fresh.connect();
      for (const channel of subscriptions.keys()) await fresh.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      fresh.end().catch(() => {});
      throw error;
    }
    if (stopped) return void fresh.end().catch(() => {});
    client = fresh;
    delayMs = RECONNECT_DELAY_MS;
    for (const resolve of waiting.splice(0)) resolve();
  };

  const schedule = (): void => {
    if (stopped || retry) return;
    retry = setTimeout(() => {
      retry = undefined;
      start(true);
    }, delayMs);
    delayMs = Math.min(delayMs * 2, RECONNECT_DELAY_MAX_MS);
  };

  const start = (again: boolean): void => {
    connecting ??= connect()
      .then(() => {
        if (!again || !client) return;
        for (const each of [...subscriptions.values()].flat()) each.onReconnect?.();
      })
      .catch((error: Error) => {
        log.warn({ error: error.message }, 'LISTEN connection failed, trying again');
        schedule();
      })
      .finally(() => {
        connecting = undefined;
      });
  };

  return {
    listen(channel, onPayload, onReconnect) {
      const known = subscriptions.get(channel);
      if (known) known.push({ onPayload, onReconnect });
      else {
        subscriptions.set(channel, [{ onPayload, onReconnect }]);
        client?.query(`listen ${pg.escapeIdentifier(channel)}`).catch(() => {});
      }
      if (!client) start(false);
    },
    async ready() {
      await connecting;
      if (!client && !stopped) await new Promise<void>((resolve) => waiting.push(resolve));
      // Queries of one client run in order: this one answers after every LISTEN before it.
      await client?.query('select 1').catch(() => {});
    },
    async stop() {
      stopped = true;
      clearTimeout(retry);
      for (const resolve of waiting.splice(0)) resolve();
      await connecting;
      const last = client;
      client = undefined;
      await last?.end().catch(() => {});
    },
  };
}
