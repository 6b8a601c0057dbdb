// One run of the limit's program on a Temporal that runs already.

import { join } from 'node:path';
import type { BenchContext } from '../context.ts';
import { startProgram } from '../processes.ts';
import { countWorkflows } from '../temporal-counts.ts';

const WORKFLOWS = 5_000;
const WARM_UP = 200;

/** Workflows a second, each with one empty local activity. */
export async function runLimit(
  context: BenchContext,
  address: string,
): Promise<{ perSecond: number; notes: Record<string, string | number> }> {
  const workflows = context.count(WORKFLOWS, 200);
  const program = startProgram(
    new URL('./program.ts', import.meta.url),
    { address, folder: context.folder, workflows, warmUp: WARM_UP },
    join(context.folder, 'limit.log'),
  );
  try {
    const { perSecond, eagerly } = await program.result;
    const counted = await countWorkflows(address, 'default', ['limit']);
    return {
      perSecond: Number(perSecond),
      notes: {
        'limit: workflows that Temporal counted': `${counted.limit}, ${WARM_UP} of them to warm up`,
        'limit: started eagerly': `${(Number(eagerly) * 100).toFixed(1)} %`,
      },
    };
  } finally {
    await program.stop();
  }
}
