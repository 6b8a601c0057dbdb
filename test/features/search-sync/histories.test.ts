// Whatever is written in whatever order, and whoever loses what he has in hand: index and table end equal.

import { test } from 'vitest';
import { checkHistories } from './histories.ts';
import { describeSearch } from './setup.ts';

describeSearch('random histories', () => {
  test('end equal', () => checkHistories(4, 30), 180_000);
});
