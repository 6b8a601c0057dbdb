// The pages of event types, API keys and the audit, and what the roles see of them.

import { expect, test } from 'vitest';
import { describeConsole, expectAccessible } from './support/console.ts';

describeConsole('the pages of access', (tem) => {
  test('policies of a type are changed and returned, and the audit tells who did it', async () => {
    const page = await tem().open('/event-types');
    const row = page.getByRole('row', { name: /^order / });
    await row.getByRole('button', { name: 'Change …' }).click();
    await page.getByLabel('Most attempts').fill('9');
    await page.getByLabel('Reason (kept in the audit)').fill('sağlayıcı yavaş');
    await page.getByRole('button', { name: 'Change 1 type' }).click();
    await row.getByText('{"retry":{"maxAttempts":9}}').waitFor();
    await expectAccessible(page);
    await row.getByRole('button', { name: 'Reset …' }).click();
    await page.getByRole('button', { name: 'Reset 1 type' }).click();
    await row.getByText('as its code says').waitFor();

    await page.goto(`${tem().url}/console/audit?action=event-type.override`);
    await page.getByRole('cell', { name: 'key settings' }).waitFor();
    await page.getByRole('cell', { name: 'sağlayıcı yavaş' }).waitFor();
    await expectAccessible(page);
  });

  test('a key is made, shown once, signs in with its role, and is revoked', async () => {
    const page = await tem().open('/keys');
    await page.getByRole('button', { name: 'Make a key …' }).click();
    await page.getByLabel('Name').fill('looks only');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const shown = page.getByRole('dialog', { name: 'The key, shown this once' });
    const key = await shown.locator('pre').textContent();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await page.getByRole('row', { name: /^looks only viewer/ }).waitFor();

    const viewer = await tem().open('/events', { as: key });
    expect(await viewer.getByRole('link', { name: 'API keys' }).count()).toBe(0);
    expect(await viewer.getByRole('button', { name: /^Redrive/ }).count()).toBe(0);

    await page.getByRole('button', { name: 'Revoke …' }).click();
    await page.getByRole('button', { name: 'Revoke 1 key' }).click();
    await page.getByText('Nothing here').waitFor();
  });
});
