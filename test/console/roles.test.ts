// What the roles see: every page as somebody who may not do everything. Nothing that he is shown answers 403, nothing that an
// event holds is there for who may not see that, and no button is there for what he may not do.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { type ConsoleUnderTest, describeConsole, expectAccessible } from './support/console.ts';
import { PAGE_PATHS } from './support/page-paths.ts';

const SECRET = 'the customer of this order';
/** Those that change nothing. */
const READING = /^(Filter|Clear filters|Refresh|First page|Next page|Preview|Copy: .*|Show all .*)$/;

/** One of everything that has actions; resolves to the pages of single things. */
async function fill(tem: ConsoleUnderTest): Promise<string[]> {
  const payload = { order: { id: 1, note: SECRET }, does: 'refuse' };
  const { id } = await tem.call('POST', '/v1/events', { type: 'order', key: SECRET, payload });
  await waitFor(async () => (await tem.call('GET', `/v1/events/${id}`)).state === 'EXTINCT');
  await tem.call('PUT', '/v1/flows/order', { maxInFlight: 5 });
  const times = { cron: '0 4 * * *', timeZone: 'UTC', overlap: 'skip', catchupWindow: '1h' };
  await tem.call('POST', '/v1/schedules', { id: 'nightly', ...times, type: 'order', payload });
  await tem.call('PUT', '/v1/price/shops/shop-1', { name: 'A shop', adapter: 'json', settings: { price: '/price' } });
  await tem.call('PUT', '/v1/price/products/p1', {
    shop: 'shop-1',
    url: 'https://shop.example/p1',
    title: 'Kettle',
    currency: 'EUR',
  });
  await tem.call('PUT', '/v1/reports/orders', {
    title: 'Orders',
    source: 'ledger',
    sql: 'select 1 as one',
    format: 'csv',
    recipients: [],
  });
  const redrive = { filter: { type: 'order', state: 'EXTINCT' }, ratePerSecond: 1, paused: true };
  const job = await tem.call('POST', '/v1/events/redrive', redrive);
  return [`/events/${id}`, '/schedules/nightly', '/price/products/p1', '/reports/orders', `/redrives/${job.id}`];
}

async function keyOf(tem: ConsoleUnderTest, rights: object): Promise<string> {
  return (await tem.call('POST', '/v1/keys', { name: JSON.stringify(rights), ...rights })).key;
}

const menuOf = (page: Page) => page.getByRole('navigation').getByRole('link').allTextContents();

/** Opens every page that a menu of everybody's has, and these; what each shows, and what was answered 403 meanwhile. */
async function walk(tem: ConsoleUnderTest, page: Page, more: readonly string[]) {
  const refused: string[] = [];
  page.on('response', (answer) => answer.status() === 403 && refused.push(`${page.url()}: ${answer.url()}`));
  const seen: { path: string; title: string; text: string; buttons: string[] }[] = [];
  for (const path of [...PAGE_PATHS.filter((each) => !each.includes(':')), ...more]) {
    await page.goto(`${tem.url}/console${path === '/' ? '' : path}`);
    await page.locator('h1').waitFor();
    await waitFor(async () => (await page.getByText('Loading …').count()) === 0);
    const main = page.getByRole('main');
    const buttons = await main
      .getByRole('button')
      .evaluateAll((all) => all.map((each) => each.ariaLabel ?? each.textContent ?? ''));
    seen.push({
      path,
      title: (await page.locator('h1').textContent()) ?? '',
      text: (await main.textContent()) ?? '',
      buttons,
    });
  }
  return { refused, seen };
}

describeConsole('the console of somebody who may not do everything', (tem) => {
  test('every page shows what he may see, and only what he may do', async () => {
    const more = await fill(tem());

    const viewer = await tem().open('/events', { as: await keyOf(tem(), { role: 'viewer' }) });
    const menu = await menuOf(viewer);
    expect(menu).toContain('Schedules');
    for (const hidden of ['Webhooks', 'Audit', 'API keys']) expect(menu).not.toContain(hidden);
    expect(await viewer.getByLabel('Value in the payload').count()).toBe(0);
    await viewer.getByText('[hidden]').first().waitFor();
    const asViewer = await walk(tem(), viewer, more);
    expect(asViewer.refused).toEqual([]);
    expect(asViewer.seen.filter(({ text }) => text.includes(SECRET))).toEqual([]);
    const acting = asViewer.seen.map(({ path, buttons }) => ({
      path,
      buttons: buttons.filter((name) => !READING.test(name)),
    }));
    expect(acting.filter(({ buttons }) => buttons.length > 0)).toEqual([]);
    const forbidden = asViewer.seen.filter(({ title }) => title === 'Your role may not see this');
    expect(forbidden.map(({ path }) => path)).toEqual(['/audit', '/keys', '/webhooks']);
    await expectAccessible(viewer);

    const blind = await tem().open('/events', { as: await keyOf(tem(), { role: 'operator', payloads: false }) });
    const asBlind = await walk(tem(), blind, more);
    expect(asBlind.refused).toEqual([]);
    expect(asBlind.seen.filter(({ text, path }) => path !== '/audit' && text.includes(SECRET))).toEqual([]);
    const buttonsOf = (path: string) => asBlind.seen.find((each) => each.path === path)?.buttons ?? [];
    expect(buttonsOf(more[0]!)).toContain('Revive …');
    expect(buttonsOf(more[0]!)).not.toContain('Edit and retry …');
    expect(buttonsOf('/reports/orders')).not.toContain('Run …');
  });

  test('who is confined to some events has their pages alone, and begins there', async () => {
    const { id } = await tem().call('POST', '/v1/events', {
      type: 'notification',
      payload: { user: 'u', title: 't', body: '' },
    });
    const rights = { role: 'operator', scopes: { types: ['notification'] } };
    const confined = await tem().open('/', { as: await keyOf(tem(), rights) });
    await confined.getByRole('heading', { level: 1, name: 'Events' }).waitFor();
    expect(await menuOf(confined)).toEqual(['Events', 'Failures']);
    const { refused, seen } = await walk(tem(), confined, [`/events/${id}`]);
    expect(refused).toEqual([]);
    expect(seen.find(({ path }) => path === '/events')?.buttons).not.toContain('Redrive all that match …');
    const toGroups = { role: 'viewer', scopes: { groups: ['g'] } };
    const inGroups = await tem().open('/', { as: await keyOf(tem(), toGroups) });
    await inGroups.getByRole('heading', { level: 1, name: 'Events' }).waitFor();
    expect(await menuOf(inGroups)).toEqual(['Events']);
  });
});
