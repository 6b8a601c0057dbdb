// The pages of webhooks, with a real receiver, of notifications, with a real socket, and of search sync that is off.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { atEnd } from '../support/at-end.ts';
import { ADMIN_KEY } from '../support/environment.ts';
import { waitFor } from '../support/wait.ts';
import { describeConsole, expectAccessible } from './support/console.ts';

async function startReceiver() {
  const receiver = { status: 410, bodies: [] as string[], url: '' };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    receiver.bodies.push(body);
    response.writeHead(receiver.status).end('<img src=x onerror="window.hacked = 1">');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return receiver;
}

describeConsole(
  'the pages of what goes out',
  (tem) => {
    test('a test is sent, its refusal is seen by target, and replayed as a redrive', async () => {
      const receiver = await startReceiver();
      const page = await tem().open('/webhooks');
      await page.getByRole('button', { name: 'Test send …' }).click();
      await page.getByLabel('Address').fill(receiver.url);
      await page.getByRole('button', { name: 'Send the test' }).click();
      await page.getByRole('heading', { level: 1, name: /^webhook / }).waitFor();
      await page.getByText('EXTINCT').first().waitFor();

      await page.getByRole('link', { name: 'Webhooks' }).click();
      await page.getByRole('link', { name: receiver.url }).waitFor();
      await page.getByText('410: 1', { exact: true }).waitFor();
      await page.getByText('0%', { exact: true }).waitFor();
      await expectAccessible(page);
      receiver.status = 200;
      await page.getByRole('button', { name: 'Replay …' }).click();
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByRole('button', { name: 'Count and freeze the set' }).click();
      await page.getByRole('button', { name: 'Redrive 1 event' }).click();
      await waitFor(async () => {
        const { targets } = await tem().call('GET', '/v1/webhooks/targets?since=1h');
        return targets[0]?.successRate === 1 && targets[0].answers['200'] === 1;
      });
      expect(receiver.bodies).toEqual(['{"test":true}', '{"test":true}']);
      expect(await page.evaluate('window.hacked')).toBeUndefined();
    });

    test('a notification is sent, seen by everybody and in its inbox, pushed and read', async () => {
      const page = await tem().open('/notifications');
      await page.getByText('Nothing here').waitFor();
      await page.getByRole('button', { name: 'Send …' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('User').fill('ada');
      await dialog.getByLabel('Title').fill('<b>Hello</b>');
      await dialog.getByRole('button', { name: 'Send it' }).click();
      await page.getByRole('heading', { level: 1, name: /^notification / }).waitFor();
      await page.getByText('PROCESSED').first().waitFor();

      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Notifications' }).click();
      await page.getByRole('cell', { name: '<b>Hello</b>' }).waitFor();
      await expectAccessible(page);
      await page.getByRole('link', { name: 'ada' }).click();
      await page.getByRole('heading', { level: 1, name: 'Inbox of ada' }).waitFor();
      await page.getByRole('listitem').filter({ hasText: 'Sent up to number' }).getByText('nobody listens').waitFor();
      await page.getByRole('cell', { name: 'Unread' }).waitFor();

      const address = `${tem().url.replace('http', 'ws')}/v1/notifications?user=ada&after=0&token=${ADMIN_KEY}`;
      const socket = new WebSocket(address);
      atEnd(async () => socket.terminate());
      await page.getByRole('cell', { name: 'Sent, unread' }).waitFor();
      socket.send('{"type":"ack","id":"1"}');
      await page.getByRole('cell', { name: /^Read / }).waitFor();
      await page.getByLabel('Which').selectOption('unread only');
      await page.getByText('Nothing matches these filters').waitFor();
      await expectAccessible(page);
      const narrow = await tem().open('/notifications?user=ada', { theme: 'dark', widthPx: 400, language: 'tr' });
      await narrow.getByRole('table').waitFor();
      await expectAccessible(narrow);
    });

    test('search sync that is off says how to turn it on', async () => {
      const page = await tem().open('/search', { theme: 'dark', widthPx: 400 });
      await page.getByText('set TEM_SEARCH_URL').waitFor();
      await expectAccessible(page);
    });
  },
  { TEM_OUTBOUND_ALLOW: '127.0.0.1' },
);
