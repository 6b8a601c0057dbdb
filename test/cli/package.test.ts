// What a module with event types gets from `tem` when it runs is what its types say.

import { expect, onTestFinished, test } from 'vitest';
import * as declared from '../../src/index.ts';

const LOADED = Symbol.for('tem');

test('the package gives every name that src/index.ts declares', async () => {
  Object.assign(globalThis, { [LOADED]: declared });
  onTestFinished(() => void Reflect.deleteProperty(globalThis, LOADED));
  const given = await import('../../bin/index.js' as string);
  expect(Object.keys(given).sort()).toEqual(Object.keys(declared).sort());
  expect(Object.values(given)).not.toContain(undefined);
});
