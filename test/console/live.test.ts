// How pages stay fresh: one request in flight, none while nobody looks, and after failures ever fewer. The browser's clock is
// moved by hand, so that minutes pass at once.

import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { describeConsole } from './support/console.ts';

const EVERY_MS = 5_000;
const MINUTES_MS = 60_000;

/** Who looks away, or comes back. */
async function look(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate(`(() => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
    document.dispatchEvent(new Event('visibilitychange'));
  })()`);
}

describeConsole('a page that is left open', (tem) => {
  test('has one request in flight, rests in a hidden tab, and brings no burst after an outage', async () => {
    const page = await tem().open('/workers', { expectedErrors: /net::ERR/ });
    const held: Route[] = [];
    let asked = 0;
    let how: 'hold' | 'answer' | 'fail' = 'hold';
    await page.route('**/v1/workers', async (route) => {
      asked += 1;
      if (how === 'hold') held.push(route);
      else if (how === 'fail') await route.abort();
      else await route.continue();
    });
    await page.clock.install();
    await page.reload();
    await waitFor(() => held.length === 1);
    // However long the answer takes, and whatever the person presses.
    await page.clock.runFor(30_000);
    await page.getByRole('button', { name: 'Refresh' }).first().click();
    await page.clock.runFor(EVERY_MS * 2);
    expect(held).toHaveLength(1);

    how = 'answer';
    await held[0]?.continue();
    await page
      .getByText(/^as of \d/)
      .first()
      .waitFor();
    await waitFor(async () => {
      await page.clock.runFor(EVERY_MS);
      return asked > 2;
    });

    await look(page, true);
    const before = asked;
    await page.clock.runFor(10 * MINUTES_MS);
    expect(asked - before).toBeLessThanOrEqual(1);

    how = 'fail';
    await look(page, false);
    await page
      .getByText(/^no answer since/)
      .first()
      .waitFor();
    const failed = asked;
    for (let minute = 0; minute < 10; minute += 1) await page.clock.runFor(MINUTES_MS);
    // Every 30 to 90 seconds in the end, and at most ten on the way there.
    expect(asked - failed).toBeGreaterThan(3);
    expect(asked - failed).toBeLessThan(30);
    // Who comes back to the page waits as everybody does.
    const waited = asked;
    for (let times = 0; times < 20; times += 1) {
      await look(page, true);
      await look(page, false);
    }
    expect(asked - waited).toBeLessThanOrEqual(1);
    how = 'answer';
    await waitFor(async () => {
      await page.clock.runFor(MINUTES_MS);
      return (await page.getByText(/^no answer since/).count()) === 0;
    });
  });
});
