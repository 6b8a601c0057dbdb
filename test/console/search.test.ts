// The page of search sync with a real OpenSearch: tables loaded and compared, rows that failed, and what a person does to the
// queue.

import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openSearchUrl } from '../features/search-sync/setup.ts';
import { atEnd } from '../support/at-end.ts';
import { waitFor } from '../support/wait.ts';
import { SKIPS_BROWSER } from './support/browser.ts';
import { describeConsole, expectAccessible } from './support/console.ts';

const SKIPS = SKIPS_BROWSER || process.env.TEM_TEST_SKIP_SEARCH === '1';
const url = SKIPS ? '' : await openSearchUrl();

describe.skipIf(SKIPS)('with a target', () => {
  describeConsole(
    'the page of search sync',
    (tem) => {
      test('shows tables, what failed and why, compares and repairs, retries, stops and starts', async () => {
        const { database } = tem();
        const index = `t-${randomBytes(6).toString('hex')}`;
        atEnd(async () => void (await fetch(`${url}/${index}*`, { method: 'DELETE' }).catch(() => {})));
        await database.pool.query(`create table listings (id integer primary key, title text, price float8);
          insert into listings select n, 'listing ' || n, n from generate_series(1, 30) n`);
        await tem().call('PUT', '/v1/search-sync/mappings/listings', { index });
        const page = await tem().open('/search');
        await page.getByText(/^opensearch 2\./).waitFor();
        await page.getByText('live', { exact: true }).waitFor({ timeout: 60_000 });
        await page.getByText('healthy', { exact: true }).waitFor();

        await database.pool.query(`insert into listings values (99, '<img src=x onerror="window.hacked = 1">', 'NaN')`);
        await page
          .getByText(/field price: mapper_parsing_exception/)
          .first()
          .waitFor({ timeout: 30_000 });
        await page
          .getByText('degraded', { exact: true })
          .or(page.getByText('unhealthy', { exact: true }))
          .waitFor();
        await expectAccessible(page);

        await page.getByRole('button', { name: 'Compare …' }).click();
        await page.getByLabel('Repair what differs').check();
        await page.getByRole('dialog').getByRole('button', { name: 'Compare' }).click();
        await page.getByText(/31 compared: 0 missing, 0 stale, 0 extra, 0 repaired/).waitFor();

        await database.pool.query('update listings set price = 1 where id = 99');
        await waitFor(async () => (await tem().call('GET', '/v1/search-sync/queue/stats')).failed === 0, 60_000);
        await page.getByRole('button', { name: 'Stop …' }).click();
        await page.getByRole('button', { name: 'Stop search sync' }).click();
        await page.getByText(/search sync is stopped/).waitFor();
        await database.pool.query(`insert into listings values (100, 'waits', 1)`);
        await page.getByLabel('Status').selectOption('pending');
        await page.getByRole('cell', { name: '100', exact: true }).waitFor();
        await page.getByRole('button', { name: 'Clear …' }).click();
        await expectAccessible(page);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'hidden' });
        await page.getByRole('button', { name: 'Start', exact: true }).click();
        await page.getByText('Nothing matches these filters').waitFor();
        expect(await page.evaluate('window.hacked')).toBeUndefined();

        const narrow = await tem().open('/search', { theme: 'dark', widthPx: 400, language: 'tr' });
        await narrow.getByText(/^opensearch 2\./).waitFor();
        await narrow.getByText(index, { exact: true }).waitFor();
        await expectAccessible(narrow);
      }, 180_000);
    },
    { TEM_SEARCH_URL: url },
  );
});
