// The figures of open overviews: one sample for everybody, so that five sessions cost the database what one costs (case C1).

import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { createSampler, type Sample } from '../../src/api/console/sample.ts';
import { createStatsReader } from '../../src/core/ledger/stats.ts';
import { createDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait.ts';

it('is read once for all who follow, and not at all when nobody does', async () => {
  const { pool } = await createDatabase();
  const reader = createStatsReader(pool);
  let readings = 0;
  const stats = {
    read: () => {
      readings += 1;
      return reader.read();
    },
  };
  const sampler = createSampler({ pool, stats, log: pino({ level: 'silent' }) });
  const seen: Sample[][] = [[], [], [], [], []];
  const leave = seen.map((samples) => sampler.follow((sample) => samples.push(sample)));
  onTestFinished(() => {
    for (const each of leave) each();
  });
  await waitFor(() => seen.every((samples) => samples.length >= 2));
  for (const samples of seen) expect(samples).toEqual(seen[0]);
  expect(readings).toBe(seen[0]?.length);
  expect(seen[0]?.[0]).toMatchObject({ stats: { states: { QUEUED: 0 } }, attention: { incidents: [] } });

  for (const each of leave) each();
  // Who comes later sees what is new, and nothing was read for nobody.
  const before = readings;
  const [late] = await new Promise<Sample[]>((resolve) => {
    const end = sampler.follow((sample) => {
      if (sample === seen[0]?.at(-1)) return;
      end();
      resolve([sample]);
    });
    leave.push(end);
  });
  expect(late?.stats).toBeDefined();
  expect(readings).toBe(before + 1);
});
