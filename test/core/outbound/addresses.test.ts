// Which addresses are private, range by range and spelling by spelling, and what TEM_OUTBOUND_ALLOW opens.

import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../../src/config.ts';
import { isPermitted, parseAllowedRange } from '../../../src/core/outbound/addresses.ts';
import { createOutbound } from '../../../src/core/outbound/index.ts';

const REFUSED = {
  'this network': ['0.0.0.0', '0.1.2.3', '0.255.255.255'],
  private: ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255', '100.100.100.200'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  'link-local': ['169.254.0.1', '169.254.169.254', '169.254.170.2', 'fe80::1', 'febf::1', 'fe80::1%eth0'],
  'metadata between public addresses': ['168.63.129.16'],
  'protocol assignments': ['192.0.0.1', '192.0.0.192', '192.88.99.1', '192.175.48.1', '192.31.196.1', '192.52.193.1'],
  documentation: ['192.0.2.1', '198.51.100.7', '203.0.113.255', '2001:db8::1', '3fff::1'],
  benchmark: ['198.18.0.1', '198.19.255.255', '2001:2::1'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  'reserved and broadcast': ['240.0.0.1', '255.255.255.255'],
  unspecified: ['::', '::0'],
  'unique-local': ['fc00::1', 'fd00:ec2::254', 'fdff:ffff::1'],
  'site-local and discard': ['fec0::1', '100::1', '4000::1', '5f00::1', 'e000::1'],
  'IPv4-mapped': ['::ffff:127.0.0.1', '::ffff:7f00:1', '::FFFF:10.0.0.1', '0:0:0:0:0:ffff:a9fe:a9fe', '::ffff:0.0.0.0'],
  'IPv4-compatible': ['::127.0.0.1', '::10.0.0.1', '::8.8.8.8'],
  'IPv4-translated': ['::ffff:0:127.0.0.1', '::ffff:0:8.8.8.8'],
  NAT64: ['64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b::10.1.2.3', '64:ff9b:1::10.0.0.1', '64:ff9b:1::8.8.8.8'],
  '6to4 and Teredo': ['2002:7f00:1::', '2002:a00:1::1', '2002:808:808::1', '2001::1', '2001:0:4136:e378::1'],
  'special IPv6 blocks': ['2001:10::1', '2001:20::1', '2001:30::1', '2001:3::1', '2001:4:112::1', '2620:4f:8000::1'],
  'not an address': [
    '',
    'localhost',
    'example.com',
    '127.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '[::1]',
    '1.2.3.4.5',
    '1.2.3.4/8',
  ],
};

describe('addresses that data may not name', () => {
  for (const [range, addresses] of Object.entries(REFUSED)) {
    test.each(addresses)(`${range}: %s is refused`, (address) => {
      expect(isPermitted(address, [])).toBe(false);
    });
  }
});

test.each([
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '168.63.129.15',
  '2606:4700:4700::1111',
  '2001:4860:4860::8888',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
])('the public address %s is permitted', (address) => {
  expect(isPermitted(address, [])).toBe(true);
});

describe('TEM_OUTBOUND_ALLOW', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['10.1.2.3', '::ffff:10.1.2.3', true],
    ['10.1.2.3', '64:ff9b::10.1.2.3', true],
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.255.0.1', true],
    ['10.0.0.0/8', '172.16.0.1', false],
    ['10.9.9.9/8', '10.1.1.1', true],
    ['0.0.0.0/0', '169.254.169.254', true],
    ['0.0.0.0/0', '::1', false],
    ['::1', '::1', true],
    ['::1', '127.0.0.1', false],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', 'fc00::1', false],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1', true],
  ])('%s lets %s through: %s', (entry, address, expected) => {
    expect(isPermitted(address, [parseAllowedRange(entry)])).toBe(expected);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::/129',
    'fe80::1%eth0',
    'localhost',
    '10.1',
    '0x7f000001',
    '010.0.0.1',
    '10.0.0.0/8x',
    '10.1.2.3:0',
    '10.1.2.3:65536',
    '10.0.0.0/8:80',
    'fd00::1:x',
    '[10.1.2.3]:80',
  ])('%s stops the start with a line that names it', (entry) => {
    expect(() => readConfig({ TEM_OUTBOUND_ALLOW: `127.0.0.1,${entry}` })).toThrow(ConfigError);
    expect(() => readConfig({ TEM_OUTBOUND_ALLOW: `127.0.0.1,${entry}` })).toThrow(
      `TEM_OUTBOUND_ALLOW: '${entry}' is not an address or CIDR`,
    );
  });

  test.each([
    ['127.0.0.1:4000', 'http://127.0.0.1:4000/', true],
    ['127.0.0.1:4000', 'http://127.0.0.1:4001/', false],
    ['127.0.0.1:4000', 'http://127.0.0.2:4000/', false],
    ['127.0.0.1:443', 'https://127.0.0.1/', true],
    ['127.0.0.1:443', 'http://127.0.0.1/', false],
    ['[::1]:80', 'http://[::1]/', true],
    ['[::1]:80', 'http://[::1]:81/', false],
  ])('with a port, %s lets %s through: %s', async (entry, url, expected) => {
    const outbound = createOutbound({ allow: [entry] });
    expect(outbound.refuse(url) === undefined).toBe(expected);
    await outbound.close();
  });

  test('takes addresses and CIDRs of both families', () => {
    expect(readConfig({ TEM_OUTBOUND_ALLOW: '127.0.0.1, ::1 10.0.0.0/8' }).outboundAllow).toEqual([
      '127.0.0.1',
      '::1',
      '10.0.0.0/8',
    ]);
  });
});
