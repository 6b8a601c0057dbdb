// The pages of price checks, with a shop that answers: every action from the button to the ledger.

import { expect, test } from 'vitest';
import { startShop } from '../features/price/shop.ts';
import { waitFor } from '../support/wait.ts';
import { describeConsole, expectAccessible } from './support/console.ts';

const HOSTILE = '<img src=x onerror="window.hacked = 1">';

describeConsole(
  'the pages of price checks',
  (tem) => {
    test('products are checked, their shop stopped and let go on, and a sweep is seen to its end', async () => {
      const shop = await startShop();
      shop.prices.set('/cup', '12.90');
      await tem().call('PUT', '/v1/price/shops/porcelain', {
        name: HOSTILE,
        adapter: 'json',
        settings: { price: '/price', currency: '/currency' },
      });
      const product = { shop: 'porcelain', url: `${shop.url}/cup`, title: HOSTILE };
      await tem().call('PUT', '/v1/price/products/cup', product);

      const page = await tem().open('/price/products?shop=porcelain');
      await page.getByRole('checkbox', { name: 'Select cup' }).check();
      await page.getByRole('button', { name: 'Check 1 now' }).click();
      await waitFor(async () => (await tem().call('GET', '/v1/price/products/cup')).price !== null);
      await page.getByRole('cell', { name: /^12\.90?/ }).waitFor();
      await expectAccessible(page);
      await page.getByRole('link', { name: 'cup' }).click();
      await page.getByRole('heading', { level: 1, name: 'Product cup' }).waitFor();
      await page.getByRole('cell', { name: /^12\.90?/ }).waitFor();
      const before = shop.pages().length;
      await page.getByRole('button', { name: 'Check now' }).click();
      await waitFor(async () => shop.pages().length > before);
      await expectAccessible(page);

      await page.getByRole('link', { name: 'Shops' }).click();
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByText('stopped', { exact: true }).waitFor();
      expect((await tem().call('GET', '/v1/flows/price/porcelain')).paused).toBe(true);
      await expectAccessible(page);

      // While its shop is stopped the sweep can't end.
      await tem().call('PUT', '/v1/price/products/plate', { ...product, url: `${shop.url}/plate` });
      const overview = await tem().open('/price');
      await overview.getByRole('button', { name: 'Start a sweep …' }).click();
      await overview.getByRole('button', { name: 'Start the sweep' }).click();
      await overview.getByRole('button', { name: 'Pause', exact: true }).click();
      await overview.getByText('paused', { exact: true }).waitFor();
      await expectAccessible(overview);
      const narrow = await tem().open('/price', { theme: 'dark', widthPx: 400, language: 'tr' });
      await narrow.getByRole('button', { name: 'İptal et …' }).waitFor();
      await expectAccessible(narrow);
      await overview.getByRole('button', { name: 'Resume', exact: true }).click();
      await overview.getByText('running', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Go on' }).click();
      await overview.getByText('done', { exact: true }).waitFor();
      expect((await tem().call('GET', '/v1/price/products/plate')).price).not.toBeNull();
      for (const each of [page, overview, narrow]) expect(await each.evaluate('window.hacked')).toBeUndefined();
    });

    test('the formula is previewed and saved, and deals have their page', async () => {
      const page = await tem().open('/price/formula', { expectedErrors: /status of 400/ });
      await page.getByLabel('Popularity').fill('many');
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.getByRole('alert').filter({ hasText: '/weights/popularity' }).waitFor();
      await page.getByLabel('Popularity').fill('17.5');
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.getByText('Checks an hour').waitFor();
      expect((await tem().call('GET', '/v1/price/formula')).weights.popularity).not.toBe(17.5);
      await expectAccessible(page);
      await page.getByRole('button', { name: 'Save the formula …' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Save the formula' }).click();
      await waitFor(async () => (await tem().call('GET', '/v1/price/formula')).weights.popularity === 17.5);
      const deals = await tem().open('/price/deals?active=true');
      await deals.getByText('Nothing matches these filters').waitFor();
      await expectAccessible(deals);
    });
  },
  { TEM_OUTBOUND_ALLOW: '127.0.0.1' },
);
