// One statement again and again, each a transaction of its own, from several connections: what pgbench does, for machines
// that have none.

import pg from 'pg';
import { runAsChild } from '../child.ts';

interface CommitsInput {
  databaseUrl: string;
  statement: string;
  connections: number;
  warmUpSeconds: number;
  seconds: number;
}

runAsChild<CommitsInput>(async ({ databaseUrl, statement, connections, warmUpSeconds, seconds }) => {
  const clients = await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      return client;
    }),
  );
  let commits = 0;
  const startedAt = performance.now() + warmUpSeconds * 1_000;
  const endAt = startedAt + seconds * 1_000;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < endAt) {
        await client.query({ name: 'statement', text: statement, values: [] });
        if (performance.now() >= startedAt) commits += 1;
      }
    }),
  );
  const perSecond = commits / ((performance.now() - startedAt) / 1_000);
  await Promise.all(clients.map((client) => client.end()));
  return { perSecond };
});
