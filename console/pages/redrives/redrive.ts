// A redrive or batch cancel, as GET /v1/redrives answers it.

import type { Tone } from '../../parts/badge.tsx';

export interface Redrive {
  id: string;
  action: 'retry' | 'cancel';
  filter: Record<string, unknown>;
  state: 'running' | 'paused' | 'stopped' | 'cancelled' | 'done';
  ratePerSecond: number;
  canary: { count: number; maxFailedPercent: number } | null;
  matches: number;
  done: number;
  skipped: number;
  processed: number;
  failed: number;
  cancelled: number;
  undone: number;
  reason: string | null;
  createdBy: string;
  createdAt: string;
  updatedAt: string;
  endedAt: string | null;
  skippedBecause?: readonly { why: string; count: number }[];
}

export const REDRIVE_TONES: Record<Redrive['state'], Tone> = {
  running: 'busy',
  paused: 'warning',
  stopped: 'bad',
  cancelled: 'neutral',
  done: 'good',
};

export type Steering = 'pause' | 'resume' | 'cancel' | 'undo';

/** What can be done with it now. */
export function steerings({ action, state, undone, processed, matches }: Redrive): Steering[] {
  const undo: Steering[] = action === 'retry' && processed + undone < matches ? ['undo'] : [];
  switch (state) {
    case 'running':
      return ['pause', 'cancel', ...undo];
    case 'paused':
    case 'stopped':
      return ['resume', 'cancel', ...undo];
    default:
      return undo;
  }
}
