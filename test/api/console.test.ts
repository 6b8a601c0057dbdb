// The console's files as the API serves them: few bytes, kept for ever, found from any depth, under a strict policy.

import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { setup } from './setup.ts';

const FIRST_PAGE_BYTES_MAX = 60_000;

test('the first page takes less than 60 kB compressed, and its files may be kept for ever', async () => {
  const { app } = await setup();
  const page = await app.inject('/console');
  const names = [...page.body.matchAll(/console\/assets\/([\w.-]+)/g)].map(([, name]) => name);
  expect(names.some((name) => name?.endsWith('.js'))).toBe(true);
  expect(names.some((name) => name?.endsWith('.css'))).toBe(true);

  let bytes = page.body.length;
  for (const name of names) {
    const url = `/console/assets/${name}`;
    const zipped = await app.inject({ url, headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers).toMatchObject({
      'content-encoding': 'gzip',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    });
    bytes += zipped.rawPayload.length;
    const plain = await app.inject(url);
    expect(plain.headers['content-encoding']).toBeUndefined();
    const brotli = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br' } });
    expect(gunzipSync(zipped.rawPayload)).toEqual(plain.rawPayload);
    expect(brotliDecompressSync(brotli.rawPayload)).toEqual(plain.rawPayload);
  }
  expect(bytes).toBeLessThan(FIRST_PAGE_BYTES_MAX);
});

test('every address is the same page, which finds its files from where it is', async () => {
  const { app } = await setup();
  const scriptOf = async (url: string): Promise<string | undefined> => {
    const { body, headers, statusCode } = await app.inject(url);
    expect(statusCode).toBe(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(headers['cache-control']).toBe('no-cache');
    const src = /<script type="module" src="([^"]+)"/.exec(body)?.[1];
    // As a browser behind a prefix resolves it.
    return src && new URL(src, `http://tem.test/prefix${url}`).pathname;
  };
  const first = await scriptOf('/console');
  expect(first).toMatch(/^\/prefix\/console\/assets\/main-\w+\.js$/);
  for (const url of ['/console/', '/console/events?state=FAILED', '/console/events/a%2Fb', '/console/a/b/c'])
    expect(await scriptOf(url)).toBe(first);
});

test('a file that is not there is a problem, and settings tell strangers nothing of the ledger', async () => {
  const { app, call } = await setup();
  const missing = await app.inject('/console/assets/main-00000000.js');
  expect([missing.statusCode, missing.json().code]).toEqual([404, 'not_found']);
  expect((await app.inject('/console/settings')).json()).toMatchObject({
    signedIn: false,
    now: null,
    temporalUi: null,
  });
  const { body } = await call('GET', '/console/settings');
  expect(body.signedIn).toBe(true);
  expect(Math.abs(Date.parse(body.now) - Date.now())).toBeLessThan(5_000);
});
