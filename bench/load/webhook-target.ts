// A receiver of webhooks in a process of its own: answers every POST with the same status and counts them.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runAsChild } from '../child.ts';

interface TargetInput {
  status: number;
}

runAsChild<TargetInput>(async ({ status }, parent) => {
  let received = 0;
  const ids = new Set<string>();
  const server = createServer((request, response) => {
    received += 1;
    ids.add(String(request.headers['webhook-id']));
    request.resume();
    request.once('end', () => response.writeHead(status, { 'content-length': 0 }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  parent.ready({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` });
  await parent.message();
  return { received, events: ids.size };
});
