// The API as a process's part: it listens, it knows its Temporal, and it stops without dropping what came in.

import { request } from 'node:http';
import { pino } from 'pino';
import { Agent, request as call } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type RunningApi, startApi } from '../../src/api/server.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { ADMIN_KEY, testConfig } from '../support/environment.ts';
import { createNamespace } from '../support/temporal.ts';

const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
/** Far less than the time that a connection is kept alive. */
const STOPS_WITHIN_MS = 2_500;
const body = (key: string) =>
  JSON.stringify({ type: 'notification', payload: { user: 'u', title: 't', body: 'b' }, key });

async function start(temporal?: {
  address: string;
  namespace: string;
}): Promise<{ api: RunningApi; database: TestDatabase }> {
  const database = await createDatabase();
  const api = await startApi(testConfig(database, temporal ?? (await createNamespace())), pino({ level: 'silent' }));
  onTestFinished(() => api.stop());
  return { api, database };
}
async function missing(api: RunningApi): Promise<string[]> {
  return ((await (await fetch(`${api.url}/readyz`)).json()) as { missing: string[] }).missing;
}

/** Sends the head of a post and waits until the API has it; the function sends the body and gives the answer's status. */
function begin(api: RunningApi, key: string): Promise<() => Promise<number | undefined>> {
  const sent = request(`${api.url}/v1/events`, { method: 'POST', headers: { ...headers, expect: '100-continue' } });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
  });
  sent.flushHeaders();
  return new Promise((resolve) => {
    sent.on('continue', () =>
      resolve(() => {
        sent.end(body(key));
        return answered;
      }),
    );
  });
}

describe('the running API', () => {
  it('lacks only a worker when database and Temporal are there', async () => {
    const { api } = await start();
    expect(await missing(api)).toEqual(['worker']);
  });

  it('lacks Temporal when its namespace or its server is not there', async () => {
    const { address } = await createNamespace();
    const { api } = await start({ address, namespace: 'nobody-made-this' });
    expect(await missing(api)).toEqual(['worker', 'temporal']);
    const { api: other } = await start({ address: '127.0.0.1:1', namespace: 'default' });
    expect(await missing(other)).toContain('temporal');
    expect((await fetch(`${other.url}/v1/events`, { method: 'POST', headers, body: body('k') })).status).toBe(202);
  });

  it('answers what came in before it stops, and closes idle connections', async () => {
    const { api, database } = await start();
    const agent = new Agent({ connections: 30, keepAliveTimeout: 60_000 });
    onTestFinished(() => agent.close());
    const post = async (key: string) => {
      const answer = await call(`${api.url}/v1/events`, {
        method: 'POST',
        headers,
        body: body(key),
        dispatcher: agent,
      });
      await answer.body.dump();
      return answer.statusCode;
    };
    // Connections that will be idle when the API stops.
    await Promise.all(Array.from({ length: 30 }, (_, index) => post(`warm${index}`)));

    // Their heads have arrived when the API stops, their bodies not yet.
    const late = await Promise.all(Array.from({ length: 10 }, (_, index) => begin(api, `late${index}`)));
    const stopping = api.stop();
    const posts = late.map((finish) => finish());
    expect(await Promise.all(posts)).toEqual(Array(10).fill(202));
    const answeredAt = performance.now();
    await stopping;
    expect(performance.now() - answeredAt).toBeLessThan(STOPS_WITHIN_MS);
    await expect(post('after')).rejects.toThrow();
    const { rows } = await database.pool.query(`select count(*)::int as n from tem.event where key like 'late%'`);
    expect(rows).toEqual([{ n: 10 }]);
    const { rows: sessions } = await database.pool.query(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name like 'tem api%'`,
    );
    expect(sessions).toEqual([{ n: 0 }]);
  });

  it('says in words what is missing to start', async () => {
    const database = await createDatabase();
    const config = testConfig(database, { address: '127.0.0.1:1', namespace: 'default' });
    const log = pino({ level: 'silent' });
    await expect(startApi({ ...config, databaseUrl: undefined }, log)).rejects.toThrow(/DATABASE_URL/);
    await expect(startApi({ ...config, adminKey: undefined }, log)).rejects.toThrow(/TEM_ADMIN_KEY/);
    await expect(startApi({ ...config, eventTypeModules: ['./not-there.ts'] }, log)).rejects.toThrow(/not-there\.ts/);
    const taken = await startApi(config, log);
    onTestFinished(() => taken.stop());
    const port = Number(new URL(taken.url).port);
    await expect(startApi({ ...config, api: { ...config.api, port } }, log)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});
