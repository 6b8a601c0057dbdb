// The long form of random histories.

import { test } from 'vitest';
import { checkHistories } from '../histories.ts';
import { describeSearch } from '../setup.ts';

describeSearch('random histories', () => {
  test('end equal', () => checkHistories(60, 80));
});
