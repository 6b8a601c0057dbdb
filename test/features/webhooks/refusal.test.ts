// Webhooks that are refused at accept, each with the path to what is wrong, and those that no attempt may send.

import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { admit } from '../../../src/core/attempt/admit.ts';
import type { EventView, HandlerContext } from '../../../src/core/event-type.ts';
import { createEventTypes } from '../../../src/core/event-types.ts';
import { createOutbound } from '../../../src/core/outbound/index.ts';
import { webhook } from '../../../src/features/webhooks/event-types.ts';
import { failure, SECRETS, settingsOf, setup } from './receiver.ts';

const RESERVED_HEADERS = [
  'Host',
  'content-length',
  'Transfer-Encoding',
  'connection',
  'keep-alive',
  'Upgrade',
  'TE',
  'trailer',
  'Expect',
  'proxy-authorization',
  'Webhook-Id',
  'webhook-timestamp',
  'WEBHOOK-SIGNATURE',
  'webhook-anything',
];

describe('what is refused', () => {
  test.each<[unknown, string]>([
    [{ url: 'ftp://example.com/', body: 1 }, '/url'],
    [{ url: 'http://127.0.0.2/', body: 1 }, '/url'],
    [{ url: 'http://[::ffff:10.0.0.1]/', body: 1 }, '/url'],
    [{ url: 'http://a:b@example.com/', body: 1 }, '/url'],
    [{ url: '', body: 1 }, '/url'],
    [{ url: 7, body: 1 }, '/url'],
    [{ url: `http://example.com/${'x'.repeat(2_048)}`, body: 1 }, '/url'],
    [{ body: 1 }, '/url'],
    [{ url: 'http://example.com/' }, '/body'],
    [{ url: 'http://example.com/', body: 1, more: 1 }, '/more'],
    [{ url: 'http://example.com/', body: 1, secretName: 'unknown' }, '/secretName'],
    [{ url: 'http://example.com/', body: 1, secretName: 'constructor' }, '/secretName'],
    [{ url: 'http://example.com/', body: 1, secretName: '../billing' }, '/secretName'],
    ...RESERVED_HEADERS.map((name): [unknown, string] => [
      { url: 'http://example.com/', body: 1, headers: { [name]: 'x' } },
      `/headers/${name}`,
    ]),
    [{ url: 'http://example.com/', body: 1, headers: { 'a b': 'x' } }, '/headers/a b'],
    [{ url: 'http://example.com/', body: 1, headers: { 'a/b~c': 'x' } }, '/headers/a~1b~0c'],
    [{ url: 'http://example.com/', body: 1, headers: { '': 'x' } }, '/headers/'],
    [{ url: 'http://example.com/', body: 1, headers: { a: 'x\r\nhost: evil' } }, '/headers/a'],
    [{ url: 'http://example.com/', body: 1, headers: { a: 'ć' } }, '/headers/a'],
    [{ url: 'http://example.com/', body: 1, headers: { a: 7 } }, '/headers/a'],
    [{ url: 'http://example.com/', body: 1, headers: { 'x-a': '1', 'X-A': '2' } }, '/headers/X-A'],
  ])('%j at %s', async (payload, path) => {
    const { refusal } = await setup();
    expect(refusal(payload)?.path).toBe(path);
  });

  test.each([
    { url: 'https://example.com/hook?x=1', body: null },
    {
      url: 'http://127.0.0.1:8080/',
      body: [],
      headers: { 'X-A': 'ü', 'content-type': 'application/cloudevents+json' },
    },
    { url: 'http://localhost/', body: {}, secretName: 'billing' },
  ])('not %j', async (payload) => {
    expect((await setup()).refusal(payload)).toBeUndefined();
  });

  test('an address that DNS turns out to be private is not tried again', async () => {
    const config = readConfig({ TEM_WEBHOOK_SECRET: SECRETS[0] });
    const outbound = createOutbound({ allow: [] });
    onTestFinished(() => outbound.close());
    const type = webhook(settingsOf(config, outbound));
    const event = {
      id: randomUUID(),
      payload: { url: 'http://localhost:9/', body: {} },
    } as unknown as EventView<never>;
    const error = await failure(
      Promise.resolve(type.handle(event, { signal: AbortSignal.timeout(10_000) } as unknown as HandlerContext)),
    );
    expect(error).toMatchObject({
      name: 'NotRetryable',
      message: expect.stringContaining('localhost is not a public address'),
    });
  });

  test('a worker that lacks the named secret takes the event and tries again', async () => {
    const outbound = createOutbound({ allow: ['127.0.0.1'] });
    onTestFinished(() => outbound.close());
    const type = webhook(settingsOf(readConfig({ TEM_WEBHOOK_SECRET: SECRETS[0] }), outbound));
    const types = createEventTypes([type]);
    const payload = { url: 'http://127.0.0.1:9/', body: {}, secretName: 'billing' };
    expect(types.refusal(type, payload)).toMatchObject({ path: '/secretName' });
    expect(admit(types, type, payload)).toEqual({ payload });
    expect(admit(types, type, { ...payload, url: 'ftp://x/' })).toHaveProperty('refusal');
    const event = { id: randomUUID(), payload } as unknown as EventView<never>;
    const error = await failure(
      Promise.resolve(type.handle(event, { signal: AbortSignal.timeout(10_000) } as unknown as HandlerContext)),
    );
    expect(error).toMatchObject({ name: 'Error', message: 'TEM_WEBHOOK_SECRET_BILLING is not set on this worker' });
  });

  test('a worker without a secret tries again, because an operator can set it', async () => {
    const outbound = createOutbound({ allow: ['127.0.0.1'] });
    onTestFinished(() => outbound.close());
    const type = webhook(settingsOf(readConfig({}), outbound));
    const event = {
      id: randomUUID(),
      payload: { url: 'http://127.0.0.1:9/', body: {} },
    } as unknown as EventView<never>;
    const error = await failure(
      Promise.resolve(type.handle(event, { signal: AbortSignal.timeout(10_000) } as unknown as HandlerContext)),
    );
    expect(error).toMatchObject({ name: 'Error', message: 'TEM_WEBHOOK_SECRET is not set on this worker' });
  });
});
