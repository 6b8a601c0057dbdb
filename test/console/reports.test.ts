// The pages of reports, on the ledger itself: every action from the button to the file.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { describeConsole, expectAccessible } from './support/console.ts';

const HOSTILE = '<img src=x onerror="window.hacked = 1">';
const definition = (sql: string) =>
  JSON.stringify({ title: HOSTILE, source: 'ledger', sql, format: 'csv', recipients: ['ada@example.com'] });

describeConsole('the pages of reports', (tem) => {
  test('one is made, refused in words, tried, run, downloaded and deleted', async () => {
    const page = await tem().open('/reports', { expectedErrors: /status of 400/ });
    await page.getByRole('button', { name: 'New report …' }).click();
    await page.getByLabel('Report', { exact: true }).fill('answer');
    await page.getByRole('textbox', { name: 'Definition' }).fill('{"title": "no query"}');
    await page.getByRole('button', { name: 'Create the report' }).click();
    await page.getByRole('alert').filter({ hasText: 'source' }).waitFor();
    await page.getByRole('textbox', { name: 'Definition' }).fill(definition('select 41 as number'));
    await page.getByRole('button', { name: 'Create the report' }).click();
    await page.getByRole('cell', { name: HOSTILE }).waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'answer', exact: true }).click();

    await page.getByRole('button', { name: 'Edit …' }).click();
    await page
      .getByRole('textbox', { name: 'Definition' })
      .fill(definition(`select 42 as number, '${HOSTILE}' as text`));
    await page.getByRole('button', { name: 'Save the report' }).click();
    await page.getByText('select 42 as number').waitFor();
    await page.getByRole('button', { name: 'Dry run …' }).click();
    await page.getByRole('button', { name: 'Show the rows' }).click();
    await page.getByRole('cell', { name: '42' }).waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');

    await page.getByRole('button', { name: 'Run …', exact: true }).click();
    await page.getByRole('button', { name: 'Run the report' }).click();
    const downloaded = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect(await readFile(await (await downloaded).path(), 'utf8')).toContain('42');
    await expectAccessible(page);
    const narrow = await tem().open('/reports/answer', { theme: 'dark', widthPx: 400, language: 'tr' });
    await narrow.getByRole('link', { name: 'İndir' }).waitFor();
    await expectAccessible(narrow);
    for (const each of [page, narrow]) expect(await each.evaluate('window.hacked')).toBeUndefined();
    await narrow.close();

    await page.getByRole('button', { name: 'Delete …' }).click();
    await page.getByRole('button', { name: 'Delete the report' }).click();
    await page.getByRole('heading', { level: 1, name: 'Reports' }).waitFor();
    const { reports } = await tem().call('GET', '/v1/reports');
    expect(reports.map(({ id }: { id: string }) => id)).not.toContain('answer');
  });
});
