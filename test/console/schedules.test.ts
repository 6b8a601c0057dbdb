// The pages of schedules, with real ones: every action from the button to the ledger.

import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { type ConsoleUnderTest, describeConsole, expectAccessible } from './support/console.ts';

const SCRIPT = '<script>window.hacked = 1</script>';

const aSchedule = (id: string) => ({
  id,
  cron: '0 9 * * 1-5',
  timeZone: 'Europe/Istanbul',
  type: 'order',
  payload: { order: { id } },
});
const read = (tem: ConsoleUnderTest, id: string) => tem.call('GET', `/v1/schedules/${id}`);

describeConsole('the pages of schedules', (tem) => {
  test('make one with a preview, change it, pause, resume, trigger, backfill, remove', async () => {
    const page = await tem().open('/schedules', { expectedErrors: /status of 400/ });
    await page.getByRole('button', { name: 'New schedule …' }).click();
    await page.getByLabel('Schedule', { exact: true }).fill('daily');
    await page.getByLabel('Cron').fill('61 9 * * *');
    await page.getByLabel('Time zone').fill('Europe/Istanbul');
    await page.getByLabel('Event type').nth(1).fill('order');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('alert').filter({ hasText: '/cron' }).waitFor();
    await page.getByLabel('Cron').fill('0 9 * * *');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('cell', { name: '+03:00' }).first().waitFor();
    await page.getByRole('textbox', { name: 'Payload' }).fill(`{"order": {"id": 1}}`);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Create the schedule' }).click();
    await page.getByRole('link', { name: 'daily', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Schedule daily' }).waitFor();

    await page.getByRole('button', { name: 'Edit …' }).click();
    await page.getByRole('textbox', { name: 'Payload' }).fill(`{"order": {"id": "1", "note": "${SCRIPT}"}}`);
    await page.getByRole('textbox', { name: 'Note' }).fill(SCRIPT);
    await page.getByRole('button', { name: 'Save the schedule' }).click();
    await page.getByText(SCRIPT).first().waitFor();
    expect((await read(tem(), 'daily')).payload.order.note).toBe(SCRIPT);

    await page.getByRole('button', { name: 'Pause …' }).click();
    await page.getByRole('textbox', { name: 'Note' }).fill('for the holidays');
    await page.getByRole('button', { name: 'Pause 1 schedule' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    expect(await read(tem(), 'daily')).toMatchObject({ paused: true, note: 'for the holidays' });
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause …' }).waitFor();
    expect((await read(tem(), 'daily')).paused).toBe(false);

    await page.getByRole('button', { name: 'Trigger …' }).click();
    await page.getByRole('button', { name: 'Trigger the schedule' }).click();
    await page.getByRole('cell', { name: 'a person' }).waitFor();
    await page.getByRole('button', { name: 'Backfill …' }).click();
    await page.getByLabel('From', { exact: true }).fill('2026-01-05T00:00:00Z');
    await page.getByLabel('To (included)').fill('2026-01-06T00:00:00Z');
    await page.getByRole('button', { name: 'Backfill these times' }).click();
    await page.getByText('1 of 1 times fired').waitFor();
    await page.getByRole('cell', { name: 'a backfill' }).waitFor();
    await expectAccessible(page);
    expect(await page.evaluate('window.hacked')).toBeUndefined();

    await page.getByRole('button', { name: 'Remove …' }).click();
    await page.getByRole('button', { name: 'Remove the schedule' }).click();
    await page.getByRole('heading', { level: 1, name: 'Schedules' }).waitFor();
    const { schedules } = await tem().call('GET', '/v1/schedules?origin=data');
    expect(schedules).toEqual([]);
  });

  test('pause many at once, and say when the next run is on its own clock', async () => {
    for (const id of ['many-1', 'many-2']) await tem().call('POST', '/v1/schedules', aSchedule(id));
    const page = await tem().open('/schedules?origin=data&type=order', { theme: 'dark', widthPx: 400 });
    for (const id of ['many-1', 'many-2']) await page.getByRole('checkbox', { name: `Select ${id}` }).check();
    await page.getByText('09:00:00').first().waitFor();
    await page.getByRole('button', { name: 'Pause 2 …' }).click();
    await page.getByRole('button', { name: 'Pause 2 schedules' }).click();
    await waitFor(async () => (await read(tem(), 'many-2')).paused);
    await page.getByText('2 paused').waitFor();
    await expectAccessible(page);
    for (const id of ['many-1', 'many-2']) await page.getByRole('checkbox', { name: `Select ${id}` }).check();
    await page.getByRole('button', { name: 'Resume 2' }).click();
    await waitFor(async () => !(await read(tem(), 'many-2')).paused);
    const turkish = await tem().open('/schedules', { language: 'tr' });
    await turkish.getByRole('heading', { level: 1, name: 'Zamanlamalar' }).waitFor();
    await turkish.getByRole('link', { name: 'many-1' }).waitFor();
    await expectAccessible(turkish);
  });
});
