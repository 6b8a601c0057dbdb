// The console's frame: signing in and out, menu, addresses, theme, language, keyboard, and the overview with real figures.

import { expect, test } from 'vitest';
import { ADMIN_KEY } from '../support/environment.ts';
import { waitFor } from '../support/wait.ts';
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

  test('the overview names what to look at, and one stream follows while somebody looks', async () => {
    await tem().call('PUT', '/v1/flows/order', { paused: true });
    const page = await tem().open('/');
    await page.getByRole('listitem').filter({ hasText: 'Paused flows' }).getByText('order').waitFor();
    await tem().call('PUT', '/v1/flows/order', { paused: false });
    const shown = await page.getByText(/^as of \d/).textContent();
    await waitFor(async () => (await page.getByText(/^as of \d/).textContent()) !== shown);
    await page.getByLabel('Follow').uncheck();
    expect(await page.getByText(/^as of \d/).isVisible()).toBe(true);
  });

  test('everything is reached by keyboard alone, and single keys can be turned off', async () => {
    const page = await tem().open('/events');
    await page.keyboard.press('Tab');
    await page.getByRole('link', { name: 'Skip to the page' }).and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.press('g');
    await page.keyboard.press('f');
    await page.getByRole('heading', { level: 1, name: 'Failures' }).waitFor();
    await page.keyboard.press('/');
    await page.getByLabel('Type').and(page.locator(':focus')).waitFor();
    // A letter that is typed is a letter.
    await page.keyboard.type('go');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/console/failures?type=go');
    for (const _field of ['from', 'to', 'Filter']) await page.keyboard.press('Tab');
    await page.getByRole('button', { name: 'Filter', exact: true }).and(page.locator(':focus')).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await expectAccessible(page);
    await page.getByLabel('Single keys are shortcuts').uncheck();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('?');
    await page.keyboard.press('g');
    await page.keyboard.press('e');
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await page.locator('h1').textContent()).toBe('Failures');
  });

  test('reads say what they cost the database', async () => {
    const page = await tem().open('/events');
    await page.getByText(/^Database time of this view: [\d.]*[1-9][\d.]* ms in [1-9]\d* calls?$/).waitFor();
  });
});
