// A worker obeys what people set in the place of a type's own policy, and the code's again when they take it back.

import { expect, test } from 'vitest';
import { deleteOverride, putOverride } from '../../src/core/type-overrides.ts';
import { waitFor } from '../support/wait.ts';
import { createScene } from '../workflows/scene.ts';

const { pool, accept, untilState } = await createScene();

/** How many attempts an event gets that fails each time. */
async function attempts(): Promise<number> {
  const { id } = await accept('quick', { plan: ['fail', 'fail', 'fail', 'fail'] });
  return (await untilState(id, 'EXTINCT')).retry_count;
}

test('attempts are as many as is set, and as the code says after that', async () => {
  expect(await attempts()).toBe(3);
  await putOverride(pool, 'quick', { retry: { maxAttempts: 1 } }, 'test');
  await waitFor(async () => (await attempts()) === 1);
  await deleteOverride(pool, 'quick');
  await waitFor(async () => (await attempts()) === 3);
});
