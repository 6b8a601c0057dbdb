// What a receiver gets, checked with the library that receivers use, and what each of its answers means.

import { randomBytes, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { BILLING_SECRET, failure, SECRETS, setup } from './receiver.ts';

describe('a webhook', () => {
  test('is a signed POST of the body as JSON', async () => {
    const { attempt, received } = await setup();
    const id = randomUUID();
    const body = { order: 7, note: 'grüße 👋', nested: [null, true, 1.5] };
    expect(await attempt({ body, headers: { 'X-Tenant': 'a', Authorization: 'Bearer theirs' } }, { id })).toEqual({
      status: 200,
    });
    const [first] = received;
    expect(first?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': id,
      'x-tenant': 'a',
      authorization: 'Bearer theirs',
      'user-agent': 'TEM-Webhooks/1',
    });
    expect(JSON.parse(first?.body ?? '')).toEqual(body);
    expect(new Webhook(SECRETS[0]).verify(first?.body ?? '', first?.headers as Record<string, string>)).toEqual(body);
  });

  test.each([[{}], [[]], ['text'], [''], [0], [null], [false]])('sends the body %j', async (body) => {
    const { attempt, received } = await setup();
    await attempt({ body });
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(body);
    new Webhook(SECRETS[0]).verify(received[0]?.body ?? '', received[0]?.headers as Record<string, string>);
  });

  test('carries a signature of every secret while they rotate, and none of another name', async () => {
    const { attempt, received } = await setup();
    await attempt({});
    await attempt({ secretName: 'billing' });
    await attempt({ secretName: 'BILLING' });
    const verify = (secret: string, index: number) => () =>
      new Webhook(secret).verify(received[index]?.body ?? '', received[index]?.headers as Record<string, string>);
    for (const secret of SECRETS) expect(verify(secret, 0)).not.toThrow();
    expect(verify(BILLING_SECRET, 0)).toThrow();
    for (const index of [1, 2]) {
      expect(verify(BILLING_SECRET, index)).not.toThrow();
      expect(verify(SECRETS[0], index)).toThrow();
    }
    expect(received[0]?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
  });

  test('keeps its id over attempts, each with a time of its own', async () => {
    const { attempt, received } = await setup(
      (response) => void response.writeHead(received.length < 2 ? 500 : 200).end(),
    );
    const id = randomUUID();
    const startedAtSeconds = Math.floor(Date.now() / 1_000);
    await expect(attempt({}, { id })).rejects.toThrow('HTTP 500');
    const times = () => received.map(({ headers }) => Number(headers['webhook-timestamp']));
    const [first = 0] = times();
    expect(first).toBeGreaterThanOrEqual(startedAtSeconds);
    // Within one second both would be right.
    await waitFor(() => Math.floor(Date.now() / 1_000) > first);
    await attempt({}, { id });
    expect(received.map(({ headers }) => headers['webhook-id'])).toEqual([id, id]);
    expect(times()[1]).toBeGreaterThan(first);
    for (const { headers, body } of received)
      expect(new Webhook(SECRETS[0]).verify(body, headers as Record<string, string>)).toEqual({});
  });
});

describe('an answer', () => {
  test.each([200, 201, 202, 204, 299])('%d is success', async (status) => {
    const { attempt } = await setup((response) => void response.writeHead(status).end());
    expect(await attempt({})).toEqual({ status });
  });

  test.each([400, 401, 404, 409, 422, 429, 500, 502, 503])('%d is a failure that is tried again', async (status) => {
    const { attempt } = await setup(
      (response) => void response.writeHead(status).end(`what went\u0000\n\twrong ${'x'.repeat(500)}`),
    );
    const error = await failure(attempt({}));
    expect(error.name).toBe('Error');
    expect(error.message).toBe(`HTTP ${status}: what went wrong ${'x'.repeat(184)}`);
  });

  test.each([301, 302, 303, 307, 308])('%d is a failure, and the redirect is not followed', async (status) => {
    const { attempt, received, url } = await setup(
      (response) => void response.writeHead(status, { location: url }).end(),
    );
    const error = await failure(attempt({}));
    expect(error).toMatchObject({ name: 'Error', message: `HTTP ${status}: redirects are not followed` });
    expect(received).toHaveLength(1);
  });

  test('410 ends it, whatever else it says', async () => {
    const { attempt } = await setup((response) => void response.writeHead(410, { 'retry-after': '7' }).end('gone'));
    expect(await failure(attempt({}))).toMatchObject({ name: 'NotRetryable', message: 'HTTP 410: gone' });
  });

  test.each([
    [429, '7', 7_000],
    [503, '120', 120_000],
    [429, '999999999999', 86_400_000],
    [500, '7', 7_000],
    [404, '7', 7_000],
    [302, '7', 7_000],
  ])('%d with Retry-After %s is obeyed', async (status, value, delayMs) => {
    const { attempt } = await setup((response) => void response.writeHead(status, { 'retry-after': value }).end());
    expect(await failure(attempt({}))).toMatchObject({ name: 'RetryAfter', delayMs });
  });

  test('Retry-After as a date is obeyed', async () => {
    const at = new Date(Date.now() + 60_000);
    const { attempt } = await setup(
      (response) => void response.writeHead(503, { 'retry-after': at.toUTCString() }).end(),
    );
    const { delayMs = 0 } = await failure(attempt({}));
    expect(delayMs).toBeGreaterThan(50_000);
    expect(delayMs).toBeLessThanOrEqual(60_000);
  });

  test('Retry-After as a date of asctime is obeyed', async () => {
    const at = new Date(Date.now() + 60_000);
    const [, day, month, year, time] = at.toUTCString().split(' ') as [string, string, string, string, string];
    const text = `${at.toUTCString().slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
    const { attempt } = await setup((response) => void response.writeHead(503, { 'retry-after': text }).end());
    const { delayMs = 0 } = await failure(attempt({}));
    expect(delayMs).toBeGreaterThan(50_000);
    expect(delayMs).toBeLessThanOrEqual(60_000);
  });

  test.each([
    ['gzip', { 'content-encoding': 'gzip' }, gzipSync('out of stock, ş'), ': out of stock, ş'],
    ['br', { 'content-encoding': 'br' }, brotliCompressSync('out of stock'), ': out of stock'],
    ['deflate', { 'content-encoding': 'deflate' }, deflateSync('out of stock'), ': out of stock'],
    [
      'gzip that breaks off',
      { 'content-encoding': 'gzip' },
      gzipSync(randomBytes(6_000).toString('hex')),
      expect.stringMatching(/^: [0-9a-f]{200}$/),
    ],
    ['gzip that is a bomb', { 'content-encoding': 'gzip' }, gzipSync('x'.repeat(2_000_000)), `: ${'x'.repeat(200)}`],
    ['gzip that says nothing of it', {}, gzipSync(randomBytes(500)), ''],
    ['gzip that is none', { 'content-encoding': 'gzip' }, Buffer.from('plain'), ''],
    ['an unknown coding', { 'content-encoding': 'zstd' }, randomBytes(500), ''],
  ])('an error in %s leaves a readable text or none', async (_, headers, body, words) => {
    const { attempt } = await setup((response) => void response.writeHead(500, headers).end(body));
    const { message } = await failure(attempt({}));
    expect(message.slice(0, 8)).toBe('HTTP 500');
    expect(message.slice(8)).toEqual(words);
  });

  test.each([
    [429, 'soon'],
    [429, '0'],
    [503, 'Wed, 21 Oct 2015 07:28:00 GMT'],
    [503, '-5'],
    [503, '1.5'],
    [503, '2026-2026x'],
  ])('%d with Retry-After %s is an ordinary failure', async (status, value) => {
    const { attempt } = await setup((response) => void response.writeHead(status, { 'retry-after': value }).end());
    expect((await failure(attempt({}))).name).toBe('Error');
  });

  test.each([
    ['says nothing further', (response: ServerResponse) => response.write('half')],
    ['breaks off', (response: ServerResponse) => response.write('half', () => response.destroy())],
  ])('that %s after its status counts as the status says', async (_how, stop) => {
    for (const status of [200, 500]) {
      const { attempt, received } = await setup((response) => {
        response.writeHead(status, { 'content-length': '1000' });
        stop(response);
      });
      const outcome = await attempt({}).catch((error: Error) => error.message);
      expect(outcome).toEqual(status === 200 ? { status } : 'HTTP 500: half');
      expect(received).toHaveLength(1);
    }
  });

  test("that never comes ends with the attempt's signal", async () => {
    const { attempt } = await setup(() => {});
    const reason = new Error('the attempt timed out');
    const controller = new AbortController();
    const call = failure(attempt({}, { signal: controller.signal }));
    controller.abort(reason);
    expect(await call).toBe(reason);
  });

  test("that doesn't come at all is told without what DNS said", async () => {
    const { attempt } = await setup((response) => void response.destroy());
    expect((await failure(attempt({}))).message).toMatch(/^no answer from 127\.0\.0\.1:\d+: [A-Z_]+$/);
    expect(await failure(attempt({ url: 'http://nobody.invalid/' }))).toMatchObject({
      name: 'Error',
      message: expect.stringMatching(/^no answer from nobody\.invalid: E/),
    });
  });
});
