// The pages of events, failures and redrives, with real events: what they show, letter by letter, and every action from the
// button to the ledger (cases C3, C5 and C7).

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { type ConsoleUnderTest, describeConsole, expectAccessible } from './support/console.ts';

const SCRIPT = '<script>window.hacked = 1</script>';
const IMAGE = '"><img src=x onerror="window.hacked = 1">';

type Does = 'succeed' | 'fail' | 'refuse' | 'wait';
const anOrder = (key: string, does: Does, order: object = { id: key }) => ({
  type: 'order',
  key,
  payload: { order, does },
});

async function send(tem: ConsoleUnderTest, events: object[]): Promise<string[]> {
  const { ids } = await tem.call('POST', '/v1/events/batch', { events });
  return ids;
}

async function until(tem: ConsoleUnderTest, id: string, state: string): Promise<void> {
  await waitFor(async () => (await tem.call('GET', `/v1/events/${id}`)).state === state);
}

const hacked = (page: Page): Promise<unknown> => page.evaluate('window.hacked');
const rowsOf = (page: Page) => page.locator('tbody tr');

describeConsole('the pages of events', (tem) => {
  test('list what the filters find, with columns of the payload, and hostile text is text', async () => {
    const ids = await send(tem(), [
      anOrder(SCRIPT, 'refuse', { id: 17, note: IMAGE }),
      anOrder('list-2', 'refuse', { id: 18, note: 'javascript:alert(1)' }),
    ]);
    for (const id of ids) await until(tem(), id, 'EXTINCT');
    const page = await tem().open('/events?columns=order.id,order.note');
    await page.getByLabel('Type', { exact: true }).fill('order');
    await page.keyboard.press('Enter');
    await page.getByLabel('State').selectOption('EXTINCT');
    await page.waitForURL('**/console/events?*state=EXTINCT*');
    await page.getByRole('cell', { name: IMAGE }).waitFor();
    await page.getByRole('link', { name: SCRIPT }).waitFor();
    await expectAccessible(page);

    await page.getByLabel('Value in the payload').fill('order.id:18');
    await page.keyboard.press('Enter');
    await waitFor(async () => (await rowsOf(page).count()) === 1);
    // The address is all that somebody else needs.
    const shared = await tem().open(page.url().split('/console')[1]!);
    await shared.getByRole('cell', { name: 'javascript:alert(1)' }).waitFor();
    expect(await rowsOf(shared).count()).toBe(1);

    const one = await tem().open(`/events/${ids[0]}`, { theme: 'dark', widthPx: 400, language: 'tr' });
    await one.getByRole('heading', { level: 1, name: `order ${SCRIPT}` }).waitFor();
    await one.getByText(`order 17 has no address`).first().waitFor();
    await expectAccessible(one);
    for (const each of [page, shared, one]) expect(await hacked(each)).toBeUndefined();
  });

  test('the timeline of an event leads to what it caused, and from there back', async () => {
    const [id] = await send(tem(), [anOrder('causes-1', 'succeed', { id: 'caused' })]);
    await until(tem(), id!, 'PROCESSED');
    const page = await tem().open(`/events/${id}`);
    await page.getByRole('listitem').filter({ hasText: 'emitted notification' }).getByRole('link').click();
    await page.getByRole('heading', { level: 1, name: /^notification / }).waitFor();
    await page.getByRole('listitem').filter({ hasText: 'accepted, emit' }).waitFor();
    await expectAccessible(page);
    await page.getByRole('definition').getByRole('link', { name: 'Notifications' }).click();
    await page.getByRole('heading', { level: 1, name: 'Inbox of warehouse' }).waitFor();
    await page.getByRole('row').filter({ hasText: 'Order caused' }).getByRole('link', { name: 'Event' }).click();
    await page.getByRole('definition').getByRole('link', { name: id! }).click();
    await page.getByRole('heading', { level: 1, name: 'order causes-1' }).waitFor();
  });

  test('an event is retried and cancelled by hand, and says why it waits', async () => {
    const [failed, waiting] = await send(tem(), [anOrder('retry-1', 'fail'), anOrder('cancel-1', 'wait')]);
    await until(tem(), failed!, 'FAILED');
    const page = await tem().open(`/events/${failed}`);
    await page.getByText('waits for its next attempt').first().waitFor();
    await page.getByRole('button', { name: 'Retry now …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry now' }).click();
    await page.getByText('On its way').waitFor();
    await page.getByText('2 of at most 5').waitFor();

    await page.goto(`${tem().url}/console/events/${waiting}`);
    await page.getByRole('button', { name: 'Cancel …' }).click();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Cancel 1 event' }).click();
    await page.getByText('CANCELLED').first().waitFor();
    await until(tem(), waiting!, 'CANCELLED');
    await page.getByRole('button', { name: 'Cancel …' }).waitFor({ state: 'hidden' });
  });

  test('an edited payload goes as it was typed, and what is refused stays in the dialog', async () => {
    const [id] = await send(tem(), [anOrder('edit-1', 'refuse', { id: 'edit', ratio: 0.2345678901234568 })]);
    await until(tem(), id!, 'EXTINCT');
    const page = await tem().open(`/events/${id}`, { expectedErrors: /status of 400/ });
    await page.getByRole('button', { name: 'Edit and retry …' }).click();
    const field = page.getByRole('textbox', { name: 'Payload' });
    const given = await field.inputValue();
    expect(given).toContain('0.2345678901234568');
    await expectAccessible(page);
    const submit = page.getByRole('dialog').getByRole('button', { name: 'Edit and retry' });

    await field.fill(given.replace('"edit"', '3544790567247868102'));
    await submit.click();
    await page.getByRole('alert').filter({ hasText: 'order/id' }).waitFor();
    expect(await field.inputValue()).toContain('3544790567247868102');

    await field.fill(given.replace('"refuse"', '"succeed"'));
    await submit.click();
    await until(tem(), id!, 'PROCESSED');
    await page.getByText('Payload until it was edited').waitFor();
    expect((await tem().call('GET', `/v1/events/${id}`)).payload.order.ratio).toBe(0.2345678901234568);
  });

  test('a redrive takes what matched when it was confirmed, and its page follows it', async () => {
    const events = Array.from({ length: 4 }, (_, index) => ({ ...anOrder(`set-${index}`, 'refuse'), group: 'set' }));
    const ids = await send(tem(), events);
    for (const id of ids) await until(tem(), id, 'EXTINCT');
    const page = await tem().open('/events?type=order&state=FAILED&group=set');
    // The selection and the set belong to the filter that is shown.
    await page.getByLabel('State').selectOption('EXTINCT');
    await waitFor(async () => (await rowsOf(page).count()) === 4);
    await page.getByRole('button', { name: 'Redrive all that match …' }).click();
    await page.getByRole('button', { name: 'Count and freeze the set' }).click();
    await page.getByText('The set is frozen: 4 events.').waitFor();
    await page.getByRole('dialog').getByText('state: EXTINCT, type: order, group: set').waitFor();
    await expectAccessible(page);

    // What comes later isn't in it, and what changed meanwhile is passed over.
    const [later] = await send(tem(), [{ ...anOrder('set-later', 'refuse'), group: 'set' }]);
    await until(tem(), later!, 'EXTINCT');
    await tem().call('POST', `/v1/events/${ids[0]}/retry`);
    await waitFor(async () => {
      const { transitions } = await tem().call('GET', `/v1/events/${ids[0]}/history`);
      return (
        transitions.at(-1).to === 'EXTINCT' &&
        transitions.filter(({ to }: { to: string }) => to === 'EXTINCT').length === 2
      );
    });
    await page.getByRole('button', { name: 'Redrive 4 events' }).click();
    await page.getByRole('heading', { level: 1, name: /^Redrive .*group: set/ }).waitFor();
    await page.getByText('done', { exact: true }).waitFor();
    await page.getByRole('listitem').filter({ hasText: 'Failed again' }).getByText('3').waitFor();
    await page.getByRole('listitem').filter({ hasText: 'Passed over' }).getByText('1').waitFor();
    await expectAccessible(page);
    expect((await tem().call('GET', `/v1/events/${later}/history`)).transitions.length).toBe(3);

    await page.goto(`${tem().url}/console/redrives`);
    await page.getByRole('cell', { name: '4 of 4' }).waitFor();
    await expectAccessible(page);
  });

  test('who steps back from the question leaves nothing running', async () => {
    const [id] = await send(tem(), [{ ...anOrder('back-1', 'refuse'), group: 'back' }]);
    await until(tem(), id!, 'EXTINCT');
    const page = await tem().open('/events?group=back');
    await page.getByRole('checkbox', { name: 'Select order back-1' }).check();
    await page.getByRole('button', { name: 'Redrive 1 …' }).click();
    await page.getByRole('button', { name: 'Count and freeze the set' }).click();
    await page.getByText('The set is frozen: 1 event.').waitFor();
    await page.keyboard.press('Escape');
    await waitFor(async () => (await tem().call('GET', '/v1/redrives')).redrives[0].state === 'cancelled');
    expect((await tem().call('GET', `/v1/events/${id}/history`)).transitions.length).toBe(3);
  });

  test('failures stand together by their error, with a note, and are redriven as a group', async () => {
    const ids = await send(tem(), [anOrder('group-1', 'fail', { id: 901 }), anOrder('group-2', 'fail', { id: 902 })]);
    for (const id of ids) await until(tem(), id, 'FAILED');
    const page = await tem().open('/failures?type=order');
    const row = rowsOf(page).filter({ hasText: 'the warehouse answered 503' });
    await row.waitFor();
    await row.getByRole('button', { name: 'Note …' }).click();
    await page.getByLabel('Note', { exact: true }).fill(SCRIPT);
    await page.getByRole('button', { name: 'Save' }).click();
    await row.getByText(SCRIPT).waitFor();
    await expectAccessible(page);
    expect(await hacked(page)).toBeUndefined();
    await row.getByRole('button', { name: 'Redrive …' }).click();
    await page.getByRole('button', { name: 'Count and freeze the set' }).click();
    await page.getByRole('button', { name: /^Redrive \d+ events$/ }).click();
    await page.getByRole('heading', { level: 1, name: /^Redrive .*fingerprint/ }).waitFor();
  });
});
