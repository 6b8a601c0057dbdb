// Guessing gets slower with each try, and reads that cost are limited by caller.

import { describe, expect, it } from 'vitest';
import { createLockout, createReadLimit } from '../../src/api/limits.ts';
import { hashOf } from '../../src/core/access/keys.ts';
import type { Problem } from '../../src/core/http/problem.ts';
import { ADMIN_KEY } from '../support/environment.ts';
import { setup } from './setup.ts';

function clock() {
  let ms = 0;
  return { now: () => ms, pass: (by: number) => void (ms += by) };
}

function waitOf(run: () => void): number {
  try {
    run();
    return 0;
  } catch (error) {
    return Number((error as Problem).extra.retryAfterSeconds);
  }
}

describe('an address that fails', () => {
  it('waits longer each time, up to five minutes, and is forgotten after a quarter of an hour', () => {
    const { now, pass } = clock();
    const lockout = createLockout(now);
    const wait = () => waitOf(() => lockout.check('1.2.3.4', hashOf('guess')));
    for (let n = 0; n < 9; n++) lockout.failed('1.2.3.4');
    expect(wait()).toBe(0);
    const waits = Array.from({ length: 12 }, () => {
      lockout.failed('1.2.3.4');
      return wait();
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    expect(waitOf(() => lockout.check('1.2.3.5', hashOf('guess')))).toBe(0);
    pass(15 * 60_000);
    lockout.failed('1.2.3.4');
    expect(wait()).toBe(0);
  });

  it('does not lock out a key that was right before, nor does that key buy it more guesses', () => {
    const lockout = createLockout(clock().now);
    lockout.succeeded(hashOf('right'));
    for (let n = 0; n < 12; n++) lockout.failed('1.2.3.4');
    lockout.succeeded(hashOf('right'));
    expect(waitOf(() => lockout.check('1.2.3.4', hashOf('right')))).toBe(0);
    expect(waitOf(() => lockout.check('1.2.3.4', hashOf('guess')))).toBe(4);
  });

  it('is its whole network of IPv6', () => {
    const lockout = createLockout(clock().now);
    for (let n = 0; n < 10; n++) lockout.failed(`2001:db8:1:2:${n}::1`);
    expect(waitOf(() => lockout.check('2001:db8:1:2:ffff::2', hashOf('guess')))).toBe(1);
    expect(waitOf(() => lockout.check('2001:db8:1:3::1', hashOf('guess')))).toBe(0);
  });

  it('is answered 429 with Retry-After, also when it signs in', async () => {
    const { call } = await setup();
    const with_ = (key: string) => call('GET', '/v1/stats', undefined, { authorization: `Bearer ${key}` });
    expect((await with_(ADMIN_KEY)).status).toBe(200);
    for (let n = 0; n < 10; n++) expect((await with_(`guess-${n}`)).status).toBe(401);
    for (const answer of [
      await with_('guess-again'),
      await call('POST', '/console/session', { key: 'guess-again' }, { authorization: '' }),
    ]) {
      expect(answer).toMatchObject({
        status: 429,
        body: { code: 'too_many_failures' },
        headers: { 'retry-after': '1' },
      });
    }
    expect((await with_(ADMIN_KEY)).status).toBe(200);
    expect((await call('GET', '/healthz', undefined, { authorization: 'Bearer guess' })).status).toBe(200);
  });
});

describe('reads that cost', () => {
  it('are given again evenly, each caller his own', () => {
    const { now, pass } = clock();
    const take = createReadLimit(60, now);
    for (let n = 0; n < 60; n++) take('a');
    expect(waitOf(() => take('a'))).toBe(1);
    expect(waitOf(() => take('b'))).toBe(0);
    pass(1_000);
    expect(waitOf(() => take('a'))).toBe(0);
    expect(waitOf(() => take('a'))).toBe(1);
  });

  it('are answered 429 beyond that, and others still', async () => {
    const { call } = await setup();
    let last = await call('GET', '/v1/events?q=x');
    for (let n = 0; last.status === 200 && n < 1_000; n++) last = await call('GET', '/v1/events?q=x');
    expect(last).toMatchObject({ status: 429, body: { code: 'too_many_reads' }, headers: { 'retry-after': '1' } });
    expect((await call('GET', '/v1/events')).status).toBe(200);
  });
});
