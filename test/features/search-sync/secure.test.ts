// A target behind TLS with an authority of its own, that asks for a password or an API key: a real OpenSearch behind a
// server that checks both.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { searchSettings } from '../../../src/features/search-sync/settings.ts';
import { readSettings } from '../../../src/settings.ts';
import { openApi } from './api.ts';
import { describeSearch, openSearchUrl, setup } from './setup.ts';

const LISTINGS = 'create table listings (id integer primary key, title text)';

/** A certificate for 127.0.0.1, and the authority that signed it, as PEM files of a folder that goes with the test. */
function makeCertificates() {
  const folder = mkdtempSync(join(tmpdir(), 'tem-certificates-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=an authority',
  );
  openssl('req', ...key, '-keyout', at('key.pem'), '-out', at('request.pem'), '-subj', '/CN=127.0.0.1');
  writeFileSync(at('extensions'), 'subjectAltName=IP:127.0.0.1');
  const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
  openssl(
    'x509',
    '-req',
    '-in',
    at('request.pem'),
    ...signing,
    '-extfile',
    at('extensions'),
    '-out',
    at('certificate.pem'),
  );
  return { ca: at('ca.pem'), key: readFileSync(at('key.pem')), cert: readFileSync(at('certificate.pem')) };
}

async function secureTarget(authorization: string) {
  const { ca, key, cert } = makeCertificates();
  const real = new URL(await openSearchUrl());
  const server = createServer({ key, cert }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      if (request.headers.authorization !== authorization) return void response.writeHead(401).end('{}');
      const answer = await fetch(new URL(request.url ?? '/', real), {
        method: request.method ?? 'GET',
        headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
        ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
      });
      const text = request.method === 'HEAD' ? undefined : await answer.text();
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ca, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describeSearch('a target behind TLS', () => {
  test('is reached with a CA file and a password, and mirrors a table', async () => {
    const { ca, host } = await secureTarget(`Basic ${Buffer.from('tem:p@ss:word').toString('base64')}`);
    const url = `https://tem:p%40ss%3Aword@${host}`;
    const environment = { TEM_SEARCH_URL: url, TEM_SEARCH_CA_FILE: ca };
    const { targets } = searchSettings.read(readSettings(environment));
    const scene = await setup({ settings: targets.default! });
    await scene.pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    await scene.pool.query(`insert into listings values (1, 'secret')`);
    await scene.drained();
    expect(await scene.stored(mapping, '1')).toBe('{"id":1,"title":"secret"}');
    const call = await openApi(scene, environment);
    const ask = async () => (await call('GET', '/v1/search-sync/test-connection')).body;
    expect(await ask()).toMatchObject({ ok: true, product: 'opensearch' });
  });

  test('is reached with an API key; what is wrong is said without the secret', async () => {
    const { ca, host } = await secureTarget('ApiKey the-key');
    const scene = await setup();
    const asked = async (environment: Record<string, string>) => {
      const call = await openApi(scene, { TEM_SEARCH_URL: `https://${host}`, ...environment });
      return (await call('GET', '/v1/search-sync/test-connection')).body;
    };
    expect(await asked({ TEM_SEARCH_API_KEY: 'the-key', TEM_SEARCH_CA_FILE: ca })).toMatchObject({ ok: true });
    const refused = await asked({ TEM_SEARCH_API_KEY: 'another-key', TEM_SEARCH_CA_FILE: ca });
    expect(refused).toMatchObject({ ok: false, detail: expect.stringContaining('TEM_SEARCH_API_KEY') });
    expect(refused.detail).not.toContain('another-key');
    const unknown = await asked({ TEM_SEARCH_URL: `https://tem:secret-word@${host}` });
    expect(unknown).toMatchObject({ ok: false, detail: expect.stringMatching(/certificate/) });
    expect(unknown.detail).not.toContain('secret-word');
    const reader = readSettings({ TEM_SEARCH_URL: 'https://target', TEM_SEARCH_CA_FILE: '/no/such' });
    searchSettings.read(reader);
    expect(reader.problems).toEqual([expect.stringContaining("/no/such can't be read")]);
  });
});
