// What any role may say on TEM's channels must not end a worker.

import { onTestFinished, test } from 'vitest';
import { ORPHANED_CHANNEL } from '../../src/core/ledger/cancel.ts';
import { createListener } from '../../src/core/ledger/listener.ts';
import { endOrphanedRuns } from '../../src/workers/orphaned-runs.ts';
import { waitFor } from '../support/wait.ts';
import { createRelayBench, typeOf } from './relay/bench.ts';

test('a NOTIFY that is none of ours is left alone', async () => {
  const { pool, databaseUrl, client, registry, log, lines } = await createRelayBench([typeOf('any')]);
  const listener = createListener(databaseUrl, log);
  onTestFinished(() => listener.stop());
  endOrphanedRuns({ listener, pool, client, types: registry, log }).start();
  await listener.ready();
  const said = ['', 'x', 'null', '[]', '{}', '{"event":"x","generation":0}', '{"event":{},"generation":"x"}'];
  for (const payload of said) await pool.query('select pg_notify($1, $2)', [ORPHANED_CHANNEL, payload]);
  // Those that can't be read, or name no event that Postgres takes for one; an exception of the listener's ends the process.
  await waitFor(
    () => lines.filter(({ msg }) => msg === 'the run of a cancelled event was left to itself').length === 5,
  );
});
