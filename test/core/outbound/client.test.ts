// The outbound client on real sockets: what DNS answers is judged at every connect, redirects end the call, and all is
// bounded. Resolvers that rebind are passed in; the rest of the client is the real one.

import { describe, expect, onTestFinished, test } from 'vitest';
import { type LookupAll, onTheClock, TargetRefused } from '../../../src/core/outbound/index.ts';
import { waitFor } from '../../support/wait.ts';
import { gate, openBench, typeOf } from '../attempt/bench.ts';
import { listen, post, resolver, SIGNAL_MS, setup } from './targets.ts';

const createBench = await openBench();

// The headers come far sooner.
const BODY_ABORTED_AFTER_MS = 1_000;
/** Of all requests at once, those to one target while no other has any. */
const PLACES_OF_ONE = 500;

describe('every connect', () => {
  test.each([
    ['127.0.0.1'],
    ['10.0.0.1'],
    ['169.254.169.254'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['fd00:ec2::254'],
    ['0.0.0.0'],
    ['64:ff9b::7f00:1'],
  ])('refuses a name that DNS points to %s', async (address) => {
    const target = await listen((_request, response) => response.end());
    const outbound = setup({ lookup: resolver([address]).lookup });
    await expect(post(outbound, `http://rebinding.example:${target.port}/`)).rejects.toBeInstanceOf(TargetRefused);
    expect(target.requests).toHaveLength(0);
  });

  test('refuses a name of this machine, by the system resolver', async () => {
    const target = await listen((_request, response) => response.end());
    await expect(post(setup(), `http://localhost:${target.port}/`)).rejects.toThrow(
      'localhost is not a public address',
    );
    expect(target.requests).toHaveLength(0);
  });

  test('an address that is allowed with a port is called there only, also by a name', async () => {
    const [allowed, other] = await Promise.all([
      listen((_request, response) => response.end('allowed')),
      listen((_request, response) => response.end()),
    ]);
    const outbound = setup({ allow: [`127.0.0.1:${allowed.port}`], lookup: resolver(['127.0.0.1']).lookup });
    for (const host of ['127.0.0.1', 'named.example']) {
      expect((await post(outbound, `http://${host}:${allowed.port}/`)).body).toBe('allowed');
      await expect(post(outbound, `http://${host}:${other.port}/`)).rejects.toBeInstanceOf(TargetRefused);
    }
    expect(other.requests).toHaveLength(0);
  });

  test('never tries the refused ones among several addresses', async () => {
    const allowed = await listen((_request, response) => response.end('allowed'));
    const outbound = setup({ allow: ['127.0.0.1'], lookup: resolver(['::1', '10.0.0.1', '127.0.0.1']).lookup });
    const { body } = await post(outbound, `http://mixed.example:${allowed.port}/`);
    expect(body).toBe('allowed');
    expect(allowed.requests[0]?.headers.host).toBe(`mixed.example:${allowed.port}`);
  });

  test('a name that was fine is judged anew when the next connection opens', async () => {
    const target = await listen((_request, response) => response.setHeader('connection', 'close').end());
    const { lookup, asked } = resolver(['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1']);
    const outbound = setup({ allow: ['127.0.0.1'], lookup });
    const url = `http://rebinding.example:${target.port}/`;
    await post(outbound, url);
    await expect(post(outbound, url)).rejects.toBeInstanceOf(TargetRefused);
    await post(outbound, url);
    expect(asked).toHaveLength(3);
    expect(target.requests).toHaveLength(2);
  });

  test('what was judged is what is connected to: the name is resolved once', async () => {
    const target = await listen((_request, response) => response.end());
    const { lookup, asked } = resolver(['127.0.0.1'], ['10.0.0.1']);
    const outbound = setup({ allow: ['127.0.0.1'], lookup });
    await post(outbound, `http://rebinding.example:${target.port}/`);
    expect(asked).toEqual(['rebinding.example']);
    expect(target.requests[0]?.socket.remoteAddress).toBe('127.0.0.1');
  });

  test('connections that open together share one question to DNS', async () => {
    const target = await listen((_request, response) => response.end());
    const { lookup, asked } = resolver(['127.0.0.1']);
    const outbound = setup({ allow: ['127.0.0.1'], lookup });
    await Promise.all(Array.from({ length: 50 }, () => post(outbound, `http://many.example:${target.port}/`)));
    expect(target.requests).toHaveLength(50);
    expect(asked.length).toBeLessThan(10);
  });
});

describe('a request', () => {
  test.each([301, 302, 303, 307, 308])('does not follow a %d', async (status) => {
    const inner = await listen((_request, response) => response.end());
    const target = await listen((_request, response) =>
      response.writeHead(status, { location: `http://127.0.0.1:${inner.port}/` }).end(),
    );
    const answer = await post(setup({ allow: ['127.0.0.1'] }), `http://127.0.0.1:${target.port}/`);
    expect(answer.status).toBe(status);
    expect(inner.requests).toHaveLength(0);
  });

  test('ignores the proxy settings of the environment', async () => {
    const proxy = await listen((_request, response) => response.end('proxy'));
    const target = await listen((_request, response) => response.end('target'));
    const before = { ...process.env };
    onTestFinished(() => {
      process.env = before;
    });
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY'])
      process.env[name] = `http://127.0.0.1:${proxy.port}`;
    process.env.NODE_USE_ENV_PROXY = '1';
    const answer = await post(setup({ allow: ['127.0.0.1'] }), `http://127.0.0.1:${target.port}/`);
    expect(answer.body).toBe('target');
  });

  test('reads an endless answer only to its bound, and hangs up', async () => {
    let closed = false;
    const target = await listen((_request, response) => {
      const more = (): void =>
        void (response.write('x'.repeat(10_000)) ? setImmediate(more) : response.once('drain', more));
      more();
      response.on('close', () => {
        closed = true;
      });
    });
    const answer = await post(setup({ allow: ['127.0.0.1'] }), `http://127.0.0.1:${target.port}/`);
    expect(answer.body).toHaveLength(1_000);
    await waitFor(() => closed);
  });

  test.each(['before the headers', 'while it connects'])('ends with its signal %s', async (moment) => {
    const target = await listen(() => {});
    const hanging: LookupAll = () => {};
    const outbound = setup({ allow: ['127.0.0.1'], ...(moment === 'while it connects' && { lookup: hanging }) });
    const controller = new AbortController();
    const reason = new Error('time is up');
    const host = moment === 'while it connects' ? 'hanging.example' : '127.0.0.1';
    const call = post(outbound, `http://${host}:${target.port}/`, controller.signal);
    if (moment !== 'while it connects') await waitFor(() => target.requests.length === 1);
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  test.each(['its signal', 'its time', 'the connection'])(
    'is answered with what came when the body ends with %s',
    async (end) => {
      const target = await listen((_request, response) => {
        response.writeHead(201, { 'content-length': '100', 'x-a': 'b' });
        response.write('a', () => end === 'the connection' && response.destroy());
      });
      const outbound = setup({ allow: ['127.0.0.1'] });
      const answer = await outbound.request(`http://127.0.0.1:${target.port}/`, {
        method: 'GET',
        signal: AbortSignal.timeout(end === 'its signal' ? BODY_ABORTED_AFTER_MS : SIGNAL_MS),
        offTheClock: onTheClock,
        maxBytes: 1_000,
        ...(end === 'its time' && { bodyWithinMs: 50 }),
      });
      expect(answer).toMatchObject({ status: 201, headers: { 'x-a': 'b' }, body: 'a', complete: false });
    },
  );

  test('says whether the body is whole', async () => {
    const target = await listen((request, response) =>
      response.end('x'.repeat(request.url === '/long' ? 1_001 : 1_000)),
    );
    const outbound = setup({ allow: ['127.0.0.1'] });
    const answers = await Promise.all(
      ['/exact', '/long'].map((path) => post(outbound, `http://127.0.0.1:${target.port}${path}`)),
    );
    expect(answers.map(({ body, complete }) => [body.length, complete])).toEqual([
      [1_000, true],
      [1_000, false],
    ]);
  });

  test('uses connections again', async () => {
    const target = await listen((request, response) => request.resume().on('end', () => response.end()));
    const outbound = setup({ allow: ['127.0.0.1'] });
    for (let index = 0; index < 20; index += 1) await post(outbound, `http://127.0.0.1:${target.port}/`);
    // The second opens when the next call comes in the very moment in which the first becomes free.
    expect(new Set(target.requests.map(({ socket }) => socket.remotePort)).size).toBeLessThanOrEqual(2);
  });

  test('targets that hang, however many, leave places for others', async () => {
    const hanging = await Promise.all(Array.from({ length: 3 }, () => listen(() => {})));
    const quick = await listen((_request, response) => response.end());
    const outbound = setup({ allow: ['127.0.0.1'] });
    const controllers = Array.from({ length: 3_000 }, () => new AbortController());
    const stuck = controllers.map(({ signal }, index) =>
      post(outbound, `http://127.0.0.1:${hanging[Math.floor(index / 1_000)]?.port}/`, signal).catch(() => 'ended'),
    );
    const open = () => hanging.map(({ requests }) => requests.length);
    await waitFor(() => open().reduce((sum, each) => sum + each) === 875);
    for (let index = 0; index < 20; index += 1)
      expect((await post(outbound, `http://127.0.0.1:${quick.port}/`)).status).toBe(200);
    expect(open()).toEqual([500, 250, 125]);
    for (const controller of controllers) controller.abort();
    expect(new Set(await Promise.all(stuck))).toEqual(new Set(['ended']));
  });

  test("waiting for a place is not the attempt's own time, whatever signal its request has", async () => {
    const { opened, open } = gate();
    const busy = await listen((_request, response) => void opened.then(() => response.end()));
    const outbound = setup({ allow: ['127.0.0.1'] });
    const url = `http://127.0.0.1:${busy.port}/`;
    const holding = Array.from({ length: PLACES_OF_ONE }, () => post(outbound, url));
    await waitFor(() => busy.requests.length === PLACES_OF_ONE);
    const waiting = gate();
    const { accept, attempt, row, dependencies } = await createBench([
      typeOf(
        async (_event, { signal, offTheClock }) => {
          const own = AbortSignal.any([signal, AbortSignal.timeout(SIGNAL_MS)]);
          const asked = outbound.request(url, { method: 'POST', body: '', signal: own, offTheClock, maxBytes: 1_024 });
          waiting.open();
          await asked;
        },
        { timeout: '1s' },
      ),
    ]);
    const id = await accept();
    const attempted = attempt(id);
    await waiting.opened;
    // By the same clock, which doesn't count all that passes on a busy machine.
    await new Promise<void>((resolve) => void dependencies.clock.limit(2_000, resolve));
    open();
    await Promise.all(holding);
    expect(await attempted).toEqual({ outcome: 'processed' });
    expect(await row(id)).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
  });
});
