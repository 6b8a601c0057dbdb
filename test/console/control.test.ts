// The pages of flows and workers, with a real worker: every action from the button to what the worker does.

import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { describeConsole, expectAccessible } from './support/console.ts';

const HOSTILE = '"><img src=x onerror="window.hacked = 1">';

describeConsole('the pages of flows and workers', (tem) => {
  test('limits are simulated, set, paused, resumed and removed', async () => {
    await tem().call('POST', '/v1/events', { type: 'order', payload: { order: { id: 1 } } });
    const page = await tem().open('/flows');
    await page.getByRole('button', { name: 'Set limits …' }).click();
    await page.getByLabel('Type').fill('order');
    await page.getByLabel('Group').fill(HOSTILE);
    await page.getByLabel('Rate').fill('100');
    await page.getByLabel('Under way at most').fill('5');
    await page.getByRole('button', { name: 'Simulate 24 h' }).click();
    await page.getByText('Largest backlog').waitFor();
    expect((await tem().call('GET', '/v1/flows')).flows).toEqual([]);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Set the limits' }).click();
    await page.getByRole('cell', { name: '100 a minute' }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    const limits = { maxInFlight: 5, rate: { limit: 100, per: 'minute' } };
    expect((await tem().call('GET', '/v1/flows')).flows).toEqual([
      { type: 'order', group: HOSTILE, paused: true, ...limits },
    ]);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.getByRole('button', { name: 'Remove …' }).click();
    await page.getByRole('button', { name: 'Remove the limits' }).click();
    await page.getByText('Nothing here').waitFor();
    expect((await tem().call('GET', '/v1/flows')).flows).toEqual([]);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
  });

  test('a worker is seen at work, drained, resumed and shut down', async () => {
    await tem().call('POST', '/v1/events', {
      type: 'order',
      key: HOSTILE,
      payload: { order: { id: 2 }, does: 'wait' },
    });
    const page = await tem().open('/workers');
    await page.getByRole('link', { name: HOSTILE }).waitFor();
    await page.getByRole('cell', { name: 'order', exact: true }).first().waitFor();
    await expectAccessible(page);
    const narrow = await tem().open('/workers', { theme: 'dark', widthPx: 400, language: 'tr' });
    await narrow.getByRole('link', { name: HOSTILE }).waitFor();
    await expectAccessible(narrow);

    await page.getByRole('button', { name: 'Drain …' }).click();
    await page.getByRole('button', { name: 'Drain the worker' }).click();
    await page.getByText('draining').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Drain …' }).waitFor();
    await page.getByRole('button', { name: 'Shut down …' }).click();
    await page.getByRole('button', { name: 'Shut the worker down' }).click();
    await waitFor(async () => (await tem().call('GET', '/v1/workers')).workers[0].state !== 'running');
    await page
      .getByText(/stopping|gone/)
      .first()
      .waitFor();
    expect(await page.evaluate('window.hacked')).toBeUndefined();
  });
});
