// The console's frame: signing in and out, menu, addresses, theme, language, keyboard, and the overview with real figures.

import { expect, test } from 'vitest';
import { ADMIN_KEY } from '../support/environment.ts';
import { describeConsole, expectAccessible } from './support/console.ts';

describeConsole('the console', (tem) => {
  test('signs in with an API key, shows the figures, and signs out', async () => {
    const page = await tem().open('/', { as: null, expectedErrors: /status of 401/ });
    expect(await page.locator('h1').textContent()).toBe('Sign in');
    await expectAccessible(page);
    await page.getByLabel('API key').fill('not a key');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This key is not valid.').waitFor();

    await page.getByLabel('API key').fill(ADMIN_KEY);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await tem().call('POST', '/v1/events', {
      type: 'notification',
      payload: { user: 'ada', title: 'Hello', body: '' },
    });
    await page.getByRole('row', { name: /^notification/ }).waitFor();
    await page.getByText('PROCESSED1').waitFor();
    expect(await page.getByText(/^as of \d/).isVisible()).toBe(true);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  });

  test.each([
    { theme: 'light', widthPx: 1_200, language: 'en' },
    { theme: 'dark', widthPx: 400, language: 'tr' },
  ] as const)('is accessible in $theme at $widthPx px in $language', async (options) => {
    const page = await tem().open('/', options);
    await page.getByRole('table').first().waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe(options.language);
    await expectAccessible(page);
  });
});
