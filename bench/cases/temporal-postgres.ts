// Events a second, each its own workflow, on a Temporal server that keeps its data in Postgres.

import { join } from 'node:path';
import type { BenchCase } from '../figures.ts';
import { startProgram } from '../processes.ts';
import { startTem } from '../tem.ts';
import { startPostgresTemporal, TEMPORAL_POSTGRES_VERSION } from '../temporal-postgres.ts';
import { floodWithOwnWorkflows } from './own-workflow.ts';

const EVENTS = 5_000;
const NAIVE_EVENTS = 400;
const NAIVE_IN_FLIGHT = 50;

export const temporalPostgres: BenchCase = {
  id: 'temporal-postgres',
  title: 'A Temporal server on Postgres',
  about: `The same flood of 5,000 events, each its own workflow, on Temporal server ${TEMPORAL_POSTGRES_VERSION} built from source, 16 history shards, default settings, its databases in the same Postgres as the ledger; and then the naive design on the same server.`,
  runsByDefault: 1,
  figures: [
    { id: 'tem', label: 'TEM, each its own workflow', unit: 'events/s' },
    { id: 'naive', label: 'naive design', unit: 'events/s' },
    { id: 'ratio', label: 'TEM to naive', unit: 'times' },
  ],
  async run(context) {
    const given = await startPostgresTemporal(context.folder, context.say);
    try {
      const tem = await startTem(context, {
        given: { databaseUrl: given.databaseUrl, temporalAddress: given.address, processes: given.processes },
      });
      const { perSecond, notes } = await floodWithOwnWorkflows(tem, context.count(EVENTS, 100)).finally(() =>
        tem.stop(),
      );
      const program = startProgram(
        new URL('../naive/program.ts', import.meta.url),
        {
          address: given.address,
          databaseUrl: given.databaseUrl,
          workflow: 'naive',
          inFlight: NAIVE_IN_FLIGHT,
          events: context.count(NAIVE_EVENTS, 50),
          warmUp: NAIVE_IN_FLIGHT,
        },
        join(context.folder, 'naive.log'),
      );
      const naive = Number((await program.result).perSecond);
      return { figures: { tem: perSecond, naive, ratio: perSecond / naive }, notes };
    } finally {
      await given.stop();
    }
  },
};
