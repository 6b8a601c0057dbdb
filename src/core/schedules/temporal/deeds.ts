// Who did what to a schedule in Temporal, and when: the server keeps a schedule as a workflow whose history says so. Only a
// better source: a server that keeps schedules in another way has no such history, and callers then go by what they see.

import type { Client } from '@temporalio/client';
import { within } from '../../within.ts';

const SCHEDULER_ID_PREFIX = 'temporal-sys-scheduler:';
const EVENTS_MAX = 100;
const OWN_IDENTITY = 'tem ';
/** Tags of temporal.api.schedule.v1.SchedulePatch: a patch has one field. */
const PATCHES: Readonly<Record<number, Deed['what']>> = { 10: 'trigger', 18: 'backfill', 26: 'pause', 34: 'resume' };

export interface Deed {
  what: 'trigger' | 'backfill' | 'pause' | 'resume' | 'update';
  /** Unix milliseconds. */
  at: number;
  /** As the client named itself, such as `4711@host`. */
  identity: string;
}

/** People's doings of late, newest first; TEM's own are left out. Empty when nothing can be told. */
export async function deedsOf(client: Client, id: string, withinMs: number): Promise<Deed[]> {
  try {
    const { history } = await within(
      withinMs,
      client.workflowService.getWorkflowExecutionHistoryReverse({
        namespace: client.options.namespace,
        execution: { workflowId: SCHEDULER_ID_PREFIX + id },
        maximumPageSize: EVENTS_MAX,
      }),
      () => new Error('Temporal did not answer in time'),
    );
    return (history?.events ?? []).flatMap((event): Deed[] => {
      const signal = event.workflowExecutionSignaledEventAttributes;
      const identity = signal?.identity ?? '';
      if (!signal || identity.startsWith(OWN_IDENTITY)) return [];
      const what = signal.signalName === 'update' ? 'update' : patched(signal.input?.payloads?.[0]?.data);
      const at = Number(event.eventTime?.seconds ?? 0) * 1_000 + Math.floor((event.eventTime?.nanos ?? 0) / 1e6);
      return what === undefined ? [] : [{ what, at, identity }];
    });
  } catch {
    return [];
  }
}

function patched(data: Uint8Array | null | undefined): Deed['what'] | undefined {
  const [tag] = data ?? [];
  return tag === undefined ? undefined : PATCHES[tag];
}
