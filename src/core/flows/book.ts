// The flows that this process knows of: asking for one costs a look into a map. They are read again when NOTIFY says that
// one has changed, and every second at most one number is read to find what a lost NOTIFY would have said.

import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Listener } from '../ledger/listener.ts';
import { FLOW_CHANNEL, type FlowRow, flowRevision, readFlows } from './store.ts';

const POLL_MS = 1_000;

export interface FlowBook {
  /** Those that an event or call of this type and group is under: its group's first, then its type's. */
  of(type: string, group: string): readonly FlowRow[];
  /** Whether any flow is set for the type or one of its groups. */
  has(type: string): boolean;
  all(): readonly FlowRow[];
  /** Called after each change. */
  onChange(listener: () => void): void;
  /** Resolves when they have been read once, however long that takes; until then nobody may go. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const NONE: readonly FlowRow[] = [];

export function createFlowBook(pool: Pool, listener: Listener | undefined, log: Logger): FlowBook {
  let byType = new Map<string, Map<string, FlowRow>>();
  let revision = '';
  let stopped = false;
  let reading: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  const listeners: (() => void)[] = [];

  const read = async (): Promise<void> => {
    const found = await readFlows(pool);
    if (found.revision === revision) return;
    revision = found.revision;
    byType = new Map();
    for (const flow of found.flows) {
      const groups = byType.get(flow.type) ?? new Map<string, FlowRow>();
      byType.set(flow.type, groups.set(flow.group, flow));
    }
    for (const tell of listeners) tell();
  };
  /** However many changes are told of, one read is under way and one follows it. */
  const refresh = async (): Promise<void> => {
    if (reading) {
      again = true;
      return reading;
    }
    reading = read().finally(() => {
      reading = undefined;
    });
    await reading;
    if (!again || stopped) return;
    again = false;
    await refresh();
  };
  const hear = (): void => {
    if (!stopped) refresh().catch(() => {});
  };
  const poll = async (): Promise<void> => {
    try {
      if ((await flowRevision(pool)) !== revision) await refresh();
    } catch (error) {
      log.debug({ error: (error as Error).message }, 'flows could not be read, trying again');
    }
    if (!stopped) timer = setTimeout(poll, POLL_MS);
  };

  return {
    of(type, group) {
      const groups = byType.get(type);
      if (!groups) return NONE;
      const wide = groups.get('');
      const own = group === '' ? undefined : groups.get(group);
      if (own) return wide ? [own, wide] : [own];
      return wide ? [wide] : NONE;
    },
    has: (type) => byType.has(type),
    all: () => [...byType.values()].flatMap((groups) => [...groups.values()]),
    onChange: (tell) => void listeners.push(tell),
    async start() {
      listener?.listen(FLOW_CHANNEL, hear, hear);
      while (revision === '' && !stopped) {
        await refresh().catch(async (error: Error) => {
          log.warn({ error: error.message }, 'waiting for the flows, which could not be read');
          await delay(POLL_MS);
        });
      }
      if (!stopped) timer = setTimeout(poll, POLL_MS);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await reading?.catch(() => {});
    },
  };
}
