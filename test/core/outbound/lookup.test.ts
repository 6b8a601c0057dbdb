// Names to addresses, with a name server on this machine that is silent about some names: they hold up nobody else.

import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLookup, type LookupAll } from '../../../src/core/outbound/lookup.ts';
import { makeHome } from '../../support/home.ts';

const DEAD_NAMES = 100;
const HEADER_BYTES = 12;
const NOT_THERE = 3;

/** Answers A questions for `known` names, says of `missing.` names that they are not there, and nothing to others. */
async function setup(known: Record<string, string> = {}) {
  const server = createSocket('udp4');
  server.on('message', (question, { port, address }) => {
    const labels: string[] = [];
    let at = HEADER_BYTES;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
    }
    const name = labels.join('.').toLowerCase();
    const isA = question.readUInt16BE(at + 1) === 1;
    const found = known[name];
    if (found === undefined && labels[0] !== 'missing') return;
    const answer = Buffer.from(question.subarray(0, at + 5));
    answer.writeUInt16BE(0x8180 | (found === undefined ? NOT_THERE : 0), 2);
    answer.fill(0, 6, HEADER_BYTES);
    const record = Buffer.from([
      0xc0,
      HEADER_BYTES,
      0,
      1,
      0,
      1,
      0,
      0,
      0,
      60,
      0,
      4,
      ...(found ?? '').split('.').map(Number),
    ]);
    if (found !== undefined && isA) answer.writeUInt16BE(1, 6);
    server.send(found !== undefined && isA ? Buffer.concat([answer, record]) : answer, port, address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((closed) => void server.close(() => closed())));

  const asked: string[] = [];
  const system: LookupAll = (hostname, _options, callback) => {
    asked.push(hostname);
    setImmediate(() => callback(null, [{ address: '192.0.2.1', family: 4 }]));
  };
  const hostsFile = join(await makeHome(), 'hosts');
  writeFileSync(hostsFile, '# names\n10.0.0.7  Billing.internal billing # ours\n');
  const lookup = createLookup({ system, servers: [`127.0.0.1:${server.address().port}`], hostsFile });
  const resolve = (name: string, family = 0) =>
    new Promise<string>((done) =>
      lookup(name, { all: true, family }, (error, addresses) =>
        done(error ? String(error.code) : addresses.map(({ address }) => address).join()),
      ),
    );
  return { resolve, asked };
}

describe('a name', () => {
  test('is asked of DNS, without the system', async () => {
    const { resolve, asked } = await setup({ 'shop.example': '203.0.113.5' });
    expect(await resolve('shop.example')).toBe('203.0.113.5');
    expect(await resolve('shop.example', 6)).toBe('ENOTFOUND');
    expect(asked).toEqual([]);
  });

  test.each([
    'localhost',
    'localhost.',
    'api',
    'a.localhost',
    'a.localhost.',
    'billing.internal',
    'BILLING.internal',
    'billing.internal.',
    'missing.example',
  ])('that the machine itself may know, as %s, is asked of the system', async (name) => {
    const { resolve, asked } = await setup();
    expect(await resolve(name)).toBe('192.0.2.1');
    expect(asked).toEqual([name]);
  });

  test('that no server answers holds up no other, and ends after a few seconds', async () => {
    const { resolve, asked } = await setup({ 'shop.example': '203.0.113.5' });
    const dead = Array.from({ length: DEAD_NAMES }, (_, n) => resolve(`dead-${n}.example`));
    const first = await Promise.race([resolve('shop.example'), ...dead]);
    expect(first).toBe('203.0.113.5');
    expect(await resolve('localhost')).toBe('192.0.2.1');
    expect(new Set(await Promise.all(dead))).toEqual(new Set(['ETIMEOUT']));
    expect(asked).toEqual(['localhost']);
  });
});
