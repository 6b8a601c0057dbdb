// The keys of the embedded default: made once, private, and never preferred to those of the environment.

import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { keptAdminKey, withKeys } from '../../src/services/keys.ts';
import { makeHome } from '../support/home.ts';

test('keys are made at the first start, kept with mode 0600, and valid as settings', async () => {
  const home = join(await makeHome(), 'new');
  expect(keptAdminKey(home)).toBeUndefined();
  const first = withKeys(readConfig({ TEM_HOME: home }));
  const again = withKeys(readConfig({ TEM_HOME: home }));
  expect(again).toEqual(first);
  expect(keptAdminKey(home)).toBe(first.adminKey);
  expect(statSync(join(home, 'keys.json')).mode & 0o777).toBe(0o600);
  const asSettings = readConfig({
    TEM_HOME: home,
    TEM_ADMIN_KEY: first.adminKey,
    TEM_USER_TOKEN_SECRET: first.userTokenSecret,
    TEM_WEBHOOK_SECRET: first.secrets.TEM_WEBHOOK_SECRET?.[0],
  });
  expect(withKeys(asSettings)).toEqual(first);
});

test('a key of the environment comes before the kept one', async () => {
  const home = await makeHome();
  const kept = withKeys(readConfig({ TEM_HOME: home }));
  const given = withKeys(readConfig({ TEM_HOME: home, TEM_ADMIN_KEY: 'a-key-of-the-environment' }));
  expect(given.adminKey).toBe('a-key-of-the-environment');
  expect(given.userTokenSecret).toBe(kept.userTokenSecret);
});

test('a file that others can read is made private again, and a damaged one is named', async () => {
  const home = await makeHome();
  withKeys(readConfig({ TEM_HOME: home }));
  const path = join(home, 'keys.json');
  chmodSync(path, 0o644);
  withKeys(readConfig({ TEM_HOME: home }));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  writeFileSync(path, '{"adminKey":');
  expect(() => withKeys(readConfig({ TEM_HOME: home }))).toThrow(`${path} is damaged`);
});
