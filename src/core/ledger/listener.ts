// LISTEN on one connection of its own that comes back by itself, also when it only went silent. NOTIFY is a hint and
// never the truth: whoever listens also polls slowly, and looks at once after a reconnect, because what was said meanwhile
// is gone.

import { Socket } from 'node:net';
import pg from 'pg';
import type { Logger } from 'pino';
import { connectionConfig } from './pool.ts';

export interface Listener {
  listen(channel: string, onPayload: (payload: string) => void, onReconnect?: () => void): void;
  /** Resolves when LISTEN is in force for every channel so far. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

const RECONNECT_DELAY_MS = 250;
const RECONNECT_DELAY_MAX_MS = 5_000;
/** How soon a connection that went silent is noticed; tests shorten it. */
const TIMING = { probeEveryMs: 10_000, answerWithinMs: 5_000 };
const END_WITHIN_MS = 1_000;

interface Subscription {
  onPayload: (payload: string) => void;
  onReconnect: (() => void) | undefined;
}

export function createListener(databaseUrl: string, log: Logger, timing = TIMING): Listener {
  const subscriptions = new Map<string, Subscription[]>();
  let session: Session | undefined;
  let connecting: Promise<void> | undefined;
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;
  let delayMs = RECONNECT_DELAY_MS;
  const waiting: (() => void)[] = [];

  const connect = async (): Promise<void> => {
    const channels = new Set(subscriptions.keys());
    const fresh = await openSession(databaseUrl, timing, {
      channels: [...channels],
      onPayload(channel, payload) {
        for (const subscription of subscriptions.get(channel) ?? []) subscription.onPayload(payload);
      },
      onLost(lost) {
        if (session !== lost) return;
        session = undefined;
        schedule();
      },
    });
    if (stopped) return fresh.end();
    session = fresh;
    // Subscribed to while the connection was being opened.
    for (const channel of subscriptions.keys()) if (!channels.has(channel)) subscribe(fresh, channel);
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
        if (!again || !session) return;
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
        if (session) subscribe(session, channel);
      }
      if (!session) start(false);
    },
    async ready() {
      await connecting;
      if (!session && !stopped) await new Promise<void>((resolve) => waiting.push(resolve));
      // Queries of one client run in order: this one answers after every LISTEN before it.
      await session?.query('select 1').catch(() => {});
    },
    async stop() {
      stopped = true;
      clearTimeout(retry);
      for (const resolve of waiting.splice(0)) resolve();
      await connecting;
      const last = session;
      session = undefined;
      await last?.end();
    },
  };
}

function subscribe(session: Session, channel: string): void {
  session.query(`listen ${pg.escapeIdentifier(channel)}`).catch(() => {});
}

interface Session {
  query(text: string): Promise<unknown>;
  /** Never takes long, and never rejects. */
  end(): Promise<void>;
}

interface SessionUse {
  channels: string[];
  onPayload(channel: string, payload: string): void;
  /** Called when it has broken, or says nothing more. */
  onLost(session: Session): void;
}

async function openSession(databaseUrl: string, timing: typeof TIMING, use: SessionUse): Promise<Session> {
  const {
    Client,
    max: _max,
    ...options
  } = connectionConfig(databaseUrl, {
    max: 1,
    applicationName: 'tem listener',
    queryTimeoutMs: timing.answerWithinMs,
  });
  const socket = new Socket();
  const client = new Client({ ...options, stream: () => socket });
  let turn: Promise<unknown> = Promise.resolve();
  let probe: NodeJS.Timeout | undefined;
  const session: Session = {
    query(text) {
      const answer = turn.then(() => client.query(text));
      turn = answer.catch(() => {});
      return answer;
    },
    async end() {
      clearInterval(probe);
      // A connection that went silent never says that it has ended.
      const cut = setTimeout(() => socket.destroy(), END_WITHIN_MS);
      await client.end().catch(() => {});
      clearTimeout(cut);
    },
  };
  const lost = (): void => {
    use.onLost(session);
    void session.end();
  };
  client.on('error', lost);
  client.on('end', lost);
  client.on('notification', ({ channel, payload }) => use.onPayload(channel, payload ?? ''));
  try {
    await client.connect();
    for (const channel of use.channels) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
  } catch (error) {
    void session.end();
    throw error;
  }
  let asking = false;
  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    await session.query('select 1').catch(lost);
    asking = false;
  };
  probe = setInterval(ask, timing.probeEveryMs);
  return session;
}
