// Several targets, each with its own position; and a target that says it is Elasticsearch gets the official client for it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { attach } from '../../../src/features/search-sync/attach/attach.ts';
import { planMapping } from '../../../src/features/search-sync/attach/plan.ts';
import { Breaker } from '../../../src/features/search-sync/processor/breaker.ts';
import { readStored } from '../../../src/features/search-sync/target/documents.ts';
import { createTarget } from '../../../src/features/search-sync/target/target.ts';
import { waitFor } from '../../support/wait.ts';
import { describeSearch, openSearchUrl, setup } from './setup.ts';

/** The real target behind what an Elasticsearch says of itself, and what its client asks for. */
async function asElasticsearch() {
  const real = new URL(await openSearchUrl());
  const state = { isAway: false, clients: new Set<string>(), authorization: '' };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      if (state.isAway) return void request.socket.destroy();
      state.clients.add(String(request.headers['user-agent']).split('/')[0] ?? '');
      state.authorization = request.headers.authorization ?? '';
      const answer = await fetch(new URL(request.url ?? '/', real), {
        method: request.method ?? 'GET',
        // OpenSearch doesn't know the media types of Elasticsearch's client.
        headers: {
          'content-type': request.headers['content-type']?.includes('ndjson')
            ? 'application/x-ndjson'
            : 'application/json',
        },
        ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
      });
      const text = request.method === 'HEAD' ? undefined : await answer.text();
      response.writeHead(answer.status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
      response.end(
        request.url?.split('?')[0] === '/' ? '{"version": {"number": "8.19.1", "build_flavor": "default"}}' : text,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describeSearch('targets', () => {
  test('one that is away holds up no other, and gets what it missed; each has the client of its product', async () => {
    const elastic = await asElasticsearch();
    const scene = await setup();
    const { pool, index } = scene;
    const second = createTarget({ name: 'second', url: elastic.url, apiKey: 'the-key', ca: undefined });
    onTestFinished(() => second.close());
    scene.targets.second = { target: second, breaker: new Breaker() };
    expect(await second.describe()).toEqual({ product: 'elasticsearch', version: '8.19.1' });
    expect(elastic.state.authorization).toBe('ApiKey the-key');
    await pool.query('create table listings (id bigint primary key, price numeric)');
    const plan = await planMapping(pool, 'listings', { index, target: ['default'] }, ['default', 'second']);
    const both = { ...plan, definition: { ...plan.definition, targets: ['default', 'second'] } };
    // Two targets on one real server need two names.
    const { mapping: first } = await attach(
      { pool, targets: { default: scene.target, second }, log: pino({ level: 'silent' }) },
      { ...both, definition: { ...both.definition, targets: ['default'] } },
    );
    await pool.query(
      `insert into tem.search_index (mapping_id, target, name, state) values ($1, 'second', $2, 'live')`,
      [first.mappingId, `${index}-second`],
    );
    await second.request({
      method: 'PUT',
      path: [`${index}-second`],
      body: JSON.stringify({ aliases: { [`tem-write-${index}-second`]: {} } }),
    });
    await pool.query('update tem.search_state set revision = revision + 1');
    await scene.load(first);
    await scene.startProcessor();
    const stored = async (id: string) => (await readStored(second, `${index}-second`, [id])).get(id);
    await pool.query('insert into listings values (9007199254740993, 0.10)');
    await waitFor(() => stored('9007199254740993'));
    expect(await stored('9007199254740993')).toBe('{"id":9007199254740993,"price":0.10}');
    expect([...elastic.state.clients]).toContain('elasticsearch-js');
    elastic.state.isAway = true;
    await pool.query('insert into listings values (2, 2)');
    await waitFor(async () => (await scene.stored(first, '2')) !== undefined);
    const { rows } = await pool.query(`select status from elasticsearch_sync_queue where record_id = '2'`);
    await waitFor(async () => (await pool.query('select from tem.search_dirty')).rowCount === 1);
    expect(rows[0].status).not.toBe('failed');
    elastic.state.isAway = false;
    await scene.drained(60_000);
    expect(await stored('2')).toBe('{"id":2,"price":2}');
  });
});
