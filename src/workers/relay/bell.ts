// How commits wake a relay that sleeps. Before it sleeps it arms the bell (a sequence, see the migration): only then does
// an event send NOTIFY at commit. Whoever asked the bell before that commits silently, so the relay sleeps long only
// once every such transaction is over and it has looked again. It looks at least every second, as a ring can be lost.

import type { Pool } from 'pg';

/** How much longer than the sleep the bell stays armed, and how much of that may pass before it is armed again. */
const ARMED_LONGER_MS = 400;
const LATE_MAX_MS = 200;

/**
 * What a relay hears of while it sleeps. `new`: what asked just before is about to commit silently; `partly`: there are
 * older transactions of that kind; `all`: nothing more can come silently.
 */
export type Hearing = 'new' | 'partly' | 'all';

export interface Bell {
  /**
   * Says to transactions that a relay sleeps for the next `forMs`; to be called before each sleep. `looked`: whether it
   * has looked at the queue since the last call.
   */
  arm(forMs: number, looked: boolean): Promise<Hearing>;
  /**
   * Says that it is awake, unless another relay has armed the bell since. Only after a ring, which every relay hears:
   * another that sleeps would otherwise believe that the bell is armed.
   */
  silence(): Promise<void>;
}

interface Armed {
  /** What the sequence was set to. */
  until: string;
  /** From then on (performance.now) it counts as silent. */
  endsAt: number;
  /** Transactions below this may have asked before the bell was first armed; known from the second time on. */
  silentBelow: bigint | undefined;
  /** Whether they were over when it was armed last: a look after it sees what they wrote. */
  over: boolean;
}

export function createBell(pool: Pool): Bell {
  let armed: Armed | undefined;
  return {
    async arm(forMs, looked) {
      const before = armed && performance.now() < armed.endsAt ? armed : undefined;
      const endsAt = performance.now() + forMs + LATE_MAX_MS;
      const { rows } = await pool.query<{ until: string; xmin: string; xmax: string }>({
        name: 'arm-bell',
        text: `select setval('tem.bell', (tem.clock_us() + $1)::bigint)::text as until,
            pg_snapshot_xmin(now)::text as xmin, pg_snapshot_xmax(now)::text as xmax
          from pg_current_snapshot() as now`,
        values: [(forMs + ARMED_LONGER_MS) * 1_000],
      });
      const { until, xmin, xmax } = rows[0] as { until: string; xmin: string; xmax: string };
      // The snapshot is older than the setval beside it, so the first one may lack a transaction that heard nothing.
      const silentBelow = before && (before.silentBelow ?? BigInt(xmax));
      const over = silentBelow !== undefined && BigInt(xmin) >= silentBelow;
      armed = { until, endsAt, silentBelow, over };
      if (!before) return 'new';
      return looked && before.over ? 'all' : 'partly';
    },
    async silence() {
      if (!armed) return;
      const { until } = armed;
      armed = undefined;
      await pool.query({
        name: 'silence-bell',
        text: `select setval('tem.bell', 0) from tem.bell where last_value = $1`,
        values: [until],
      });
    },
  };
}
