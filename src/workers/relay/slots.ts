// How many runs may be in flight, and how they are shared between types. A type never gets the last free slots: it may
// hold half of what the others leave, so that types with slow targets can't hold the slots of the quick ones (rule 9).

import { shareLeft } from '../../core/share.ts';
import type { ClaimedEvent } from './held.ts';

export interface Run {
  workflowId: string;
  type: string;
  /** What it was started for. */
  claimed: readonly ClaimedEvent[];
  quarantine: boolean;
  startedAtMs: number;
}

export interface Slots {
  /** How many more runs of this type may start now. */
  allowed(type: string): number;
  take(workflowId: string, run: Omit<Run, 'workflowId' | 'startedAtMs'>): void;
  /** Frees the slot of a run; false when it held none. */
  release(workflowId: string): boolean;
  quarantined(): boolean;
  isQuarantined(workflowId: string): boolean;
  /** Runs in flight for longer than `ageMs`. */
  olderThan(ageMs: number): Run[];
  inFlight(): number;
}

export function createSlots(total: number): Slots {
  const runs = new Map<string, Run>();
  const held = new Map<string, number>();
  return {
    allowed(type) {
      const own = held.get(type) ?? 0;
      const others = runs.size - own;
      return shareLeft(total, own, others);
    },
    take(workflowId, run) {
      // A newer run of the same id takes the place of the older one, which has lost its events.
      if (!runs.has(workflowId)) held.set(run.type, (held.get(run.type) ?? 0) + 1);
      runs.set(workflowId, { workflowId, ...run, startedAtMs: performance.now() });
    },
    release(workflowId) {
      const run = runs.get(workflowId);
      if (!run) return false;
      runs.delete(workflowId);
      held.set(run.type, (held.get(run.type) ?? 1) - 1);
      return true;
    },
    quarantined: () => [...runs.values()].some((run) => run.quarantine),
    isQuarantined: (workflowId) => runs.get(workflowId)?.quarantine === true,
    olderThan: (ageMs) => [...runs.values()].filter((run) => performance.now() - run.startedAtMs > ageMs),
    inFlight: () => runs.size,
  };
}
