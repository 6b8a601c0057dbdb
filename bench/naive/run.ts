// One measured run of the naive program on servers of its own.

import { join } from 'node:path';
import type { BenchContext } from '../context.ts';
import { startProgram } from '../processes.ts';
import { countWorkflows } from '../temporal-counts.ts';
import { type Flags, startNaiveServers } from './servers.ts';

const IN_FLIGHT = 50;
const WARM_UP = 50;

export interface NaiveRun {
  perSecond: number;
  notes: Record<string, string | number>;
}

/** Runs `events` events through the naive design, or through the bare workflow, 50 in flight. */
export async function runNaive(
  context: BenchContext,
  workflow: 'naive' | 'bare',
  flags: Flags,
  events: number,
): Promise<NaiveRun> {
  const servers = await startNaiveServers(context.folder, flags);
  const program = startProgram(
    new URL('./program.ts', import.meta.url),
    {
      address: servers.address,
      databaseUrl: servers.databaseUrl,
      workflow,
      events,
      inFlight: IN_FLIGHT,
      warmUp: WARM_UP,
    },
    join(context.folder, 'naive.log'),
  );
  try {
    const { perSecond } = await program.result;
    const counted = await countWorkflows(servers.address, 'default', [workflow]);
    return {
      perSecond: Number(perSecond),
      notes: {
        [`${workflow}, ${flags}: events`]: events,
        [`${workflow}, ${flags}: workflows that Temporal counted`]: `${counted[workflow]}, ${WARM_UP} of them to warm up; none eagerly, none in batches`,
      },
    };
  } finally {
    await program.stop();
    await servers.stop();
  }
}
