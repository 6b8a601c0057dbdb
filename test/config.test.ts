// The environment: every problem is named in a line of its own, and Temporal's variables are those of its CLI.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigError, cacheFolderOf, homeOf, readConfig } from '../src/config.ts';
import { temporalConnectionOptions } from '../src/core/temporal.ts';
import { makeHome } from './support/home.ts';

function problems(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.split('\n');
  }
}

test('an empty environment is the embedded default on loopback', () => {
  const config = readConfig({});
  expect(config.databaseUrl).toBeUndefined();
  expect(config.temporal).toMatchObject({ address: undefined, namespace: 'default' });
  expect(config.api).toMatchObject({ host: '127.0.0.1', port: 3000, portGiven: false });
});

test('variables that are set to nothing count as not set', () => {
  expect(readConfig({ DATABASE_URL: '', TEMPORAL_ADDRESS: ' ', TEMPORAL_TLS: '', TEM_PORT: '' })).toEqual(
    readConfig({}),
  );
});

test.each([
  ['TEM_PROT', '8080', 'unknown setting'],
  ['TEM_PORT', '80a', 'must be a whole number from 0 to 65535'],
  ['TEM_PORT', '65536', 'must be a whole number'],
  ['DATABASE_URL', 'mysql://localhost/x', 'must be a URL such as postgres://'],
  ['TEM_ADMIN_KEY', 'a key with spaces', 'ASCII without spaces'],
  ['TEM_ADMIN_KEY', 'schlüssel-mit-umlaut', 'ASCII without spaces'],
  ['TEM_WEBHOOK_SECRET', 'whsec_c2hvcnQ=', 'at least 24 bytes'],
  ['TEM_WEBHOOK_SECRET_BILLING', 'plain', 'whsec_'],
  ['TEM_GRACE', '20', 'is not a duration'],
  ['TEM_RETENTION', '7d', 'at least 30d'],
  ['TEM_BATCH', 'maybe', 'must be on or off'],
  ['TEM_LOG_LEVEL', 'loud', 'must be one of'],
  ['TEM_API_URL', 'localhost:3000', 'must be a URL such as http://'],
  ['TEM_FEATURES', ',', 'names nothing'],
  ['TEMPORAL_ADDRESS', 'localhost', 'must be host:port'],
  ['TEMPORAL_TLS', 'maybe', 'must be on or off'],
  ['TEMPORAL_TLS_DISABLE_HOST_VERIFICATION', 'true', 'always verifies the host'],
  ['TEMPORAL_CONFIG_FILE', '/nowhere/temporal.toml', 'there is no file /nowhere/temporal.toml'],
])('%s=%s is refused', (name, value, words) => {
  const [line, ...others] = problems({ [name]: value });
  expect(line).toMatch(new RegExp(`^${name}: `));
  expect(line).toContain(words);
  expect(others).toEqual([]);
});

test('short keys are for loopback only', () => {
  const short = { TEM_ADMIN_KEY: 'short', TEM_USER_TOKEN_SECRET: 'short' };
  for (const host of ['127.0.0.1', 'localhost', '::1'])
    expect(readConfig({ ...short, TEM_HOST: host })).toMatchObject({ adminKey: 'short', userTokenSecret: 'short' });
  for (const host of ['0.0.0.0', '::', '10.0.0.7', 'tem.example']) {
    expect(problems({ ...short, TEM_HOST: host })).toEqual([
      expect.stringMatching(/^TEM_ADMIN_KEY: must have at least 16 bytes/),
      expect.stringMatching(/^TEM_USER_TOKEN_SECRET: must have at least 32 bytes/),
    ]);
  }
});

test('all problems are told at once', () => {
  expect(problems({ TEM_PORT: 'x', TEM_BATCH: 'x', TEM_NONSENSE: 'x' })).toHaveLength(3);
});

test('a Temporal of one’s own takes namespace, TLS files and API key as the CLI names them', async () => {
  const home = await makeHome();
  const files = Object.fromEntries(['ca', 'cert', 'key'].map((name) => [name, join(home, `${name}.pem`)]));
  for (const [name, path] of Object.entries(files)) writeFileSync(path, `the ${name}`);
  const config = readConfig({
    TEMPORAL_ADDRESS: 'temporal.example:7233',
    TEMPORAL_NAMESPACE: 'orders',
    TEMPORAL_API_KEY: 'secret',
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: files.ca as string,
    TEMPORAL_TLS_CLIENT_CERT_PATH: files.cert as string,
    TEMPORAL_TLS_CLIENT_KEY_PATH: files.key as string,
    TEMPORAL_TLS_SERVER_NAME: 'front.example',
    TEMPORAL_GRPC_META_TEAM: 'blue',
  });
  expect(config.temporal.namespace).toBe('orders');
  const options = temporalConnectionOptions(config);
  expect(options).toMatchObject({
    address: 'temporal.example:7233',
    apiKey: 'secret',
    metadata: { team: 'blue' },
    tls: { serverNameOverride: 'front.example' },
  });
  const { serverRootCACertificate, clientCertPair } = options.tls as {
    serverRootCACertificate: Uint8Array;
    clientCertPair: { crt: Uint8Array; key: Uint8Array };
  };
  expect(
    [serverRootCACertificate, clientCertPair.crt, clientCertPair.key].map((bytes) => Buffer.from(bytes).toString()),
  ).toEqual(['the ca', 'the cert', 'the key']);
});

test('a certificate that is not there stops the start with its path', () => {
  const path = '/nowhere/cert.pem';
  const lines = problems({
    TEMPORAL_ADDRESS: 'a:1',
    TEMPORAL_TLS_CLIENT_CERT_PATH: path,
    TEMPORAL_TLS_CLIENT_KEY_DATA: 'k',
  });
  expect(lines).toEqual([expect.stringContaining(path)]);
});

test.each(['true', 'TRUE', 'on', '1'])('TEMPORAL_TLS=%s turns TLS on', (value) => {
  const { temporal } = readConfig({ TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS: value });
  expect(temporal.tls).not.toBe(false);
  expect(temporal.tls).toBeDefined();
  expect(readConfig({ TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS: 'off' }).temporal.tls).toBe(false);
});

test('credentials that would be left out are named', async () => {
  const home = await makeHome();
  const file = join(home, 'part.pem');
  writeFileSync(file, 'a part');
  const address = { TEMPORAL_ADDRESS: 'a:1' };
  expect(problems({ ...address, TEMPORAL_TLS_CLIENT_CERT_PATH: file })).toEqual([
    expect.stringContaining('needs TEMPORAL_TLS_CLIENT_KEY_PATH'),
  ]);
  expect(problems({ ...address, TEMPORAL_TLS_CLIENT_KEY_PATH: file })).toEqual([
    expect.stringContaining('needs TEMPORAL_TLS_CLIENT_CERT_PATH'),
  ]);
  expect(problems({ TEMPORAL_API_KEY: 'secret' })).toEqual([expect.stringMatching(/^TEMPORAL_ADDRESS: not set, but/)]);
});

test('a user without a home folder needs none until it is used, and is told of TEM_HOME then', () => {
  const before = process.env.HOME;
  onTestFinished(() => {
    process.env.HOME = before;
  });
  process.env.HOME = '';
  const given = readConfig({ DATABASE_URL: 'postgres://localhost/tem', TEMPORAL_ADDRESS: 'localhost:7233' });
  expect(() => homeOf(given)).toThrow('TEM_HOME: this user has no home folder, set it to');
  expect(() => cacheFolderOf(given)).toThrow('TEM_HOME');
  const home = readConfig({ TEM_HOME: '/srv/tem' });
  expect([homeOf(home), cacheFolderOf(home)]).toEqual(['/srv/tem', '/srv/tem/cache']);
  expect(cacheFolderOf(readConfig({ XDG_CACHE_HOME: '/var/cache' }))).toBe('/var/cache/tem');
});
