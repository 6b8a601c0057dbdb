// URLs that are refused before any DNS, however the address in them is spelt.

import { describe, expect, test } from 'vitest';
import { TargetRefused } from '../../../src/core/outbound/index.ts';
import { post, setup } from './targets.ts';

const SPELLINGS = [
  'http://127.0.0.1/',
  'http://127.0.0.1./',
  'http://127.1/',
  'http://127.0.1/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.0x0.0x0.0x1/',
  'http://0X7F.1/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://0x7f.00.1/',
  'http://0x7f000001./',
  'http://0/',
  'http://0.0.0.0/',
  'http://10.1.1.1/',
  'http://167837953/',
  'http://192.168.257/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/',
  'http://0xa9fea9fe/',
  'http://0251.0376.0251.0376/',
  'http://[fd00:ec2::254]/',
  'http://[::1]/',
  'http://[::]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[0:0:0:0:0:FFFF:7F00:0001]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[2002:7f00:1::]/',
  'http://[fe80::1]/',
  'http://[fec0::1]/',
  'http://[ff02::1]/',
  'http://①②⑦.⓪.⓪.①/',
  'http://１２７.０.０.１/',
  'http://127。0。0。1/',
  'http://127．0．0．1/',
  'http://%31%32%37.0.0.1/',
  'http://example.com@127.0.0.1/',
  'http://example.com:80@127.0.0.1:8080/',
  'http://example.com%40127.0.0.1@10.0.0.1/',
  'http:\\\\127.0.0.1\\',
  'http:127.0.0.1',
  ' http://127.0.0.1/ ',
  'ht\ntp://127.0.\t0.1/',
  'HTTP://127.0.0.1',
  'https://127.0.0.1/',
  'https://[::1]:8443/',
];

describe('refuse, without DNS', () => {
  test.each(SPELLINGS)('refuses %j, and so does the call', async (url) => {
    const outbound = setup();
    expect(outbound.refuse(url)).toMatch(/is not a public address|must not carry a user name/);
    await expect(post(outbound, url)).rejects.toBeInstanceOf(TargetRefused);
  });

  test.each([
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'javascript:alert(1)',
    'data:text/plain,x',
    'unix:/run/x',
    'ws://example.com/',
    '',
    'example.com',
    '/path',
    '//example.com/',
    'http://',
    'http://256.1.1.1/',
    'http://1.2.3.4.5/',
    'http://[fe80::1%25eth0]/',
    'http://127.0.0.1%00.example.com/',
    'http://exa mple.com/',
    'http://user:secret@example.com/',
    'http://user@8.8.8.8/',
  ])('refuses %j as a target', async (url) => {
    const outbound = setup();
    expect(outbound.refuse(url)).toMatch(/^must/);
    await expect(post(outbound, url)).rejects.toBeInstanceOf(TargetRefused);
  });

  test.each([
    'http://example.com/',
    'https://example.com:8443/x?y#z',
    'http://8.8.8.8/',
    'http://[2606:4700:4700::1111]/',
    'http://localhost/',
  ])('has nothing against %s before its name is resolved', (url) => {
    expect(setup().refuse(url)).toBeUndefined();
  });

  test('every spelling of an allowed address is allowed', () => {
    const outbound = setup({ allow: ['127.0.0.1'] });
    for (const url of ['http://127.0.0.1/', 'http://127.1/', 'http://0x7f000001/', 'http://[::ffff:127.0.0.1]/'])
      expect(outbound.refuse(url)).toBeUndefined();
    expect(outbound.refuse('http://127.0.0.2/')).toBeDefined();
  });
});
