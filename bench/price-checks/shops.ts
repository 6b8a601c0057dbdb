// The shops of the benchmark, in a process of its own: servers that answer a JSON price after a given time.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runAsChild } from '../child.ts';

runAsChild<{ shops: number; delayMs: number }>(async ({ shops, delayMs }, parent) => {
  const urls: string[] = [];
  for (let n = 0; n < shops; n += 1) {
    const server = createServer((request, response) => {
      const answer = (): void => {
        response.setHeader('content-type', 'application/json');
        response.end(request.url === '/robots.txt' ? '' : '{"price":"12.90","currency":"EUR"}');
      };
      if (delayMs === 0) answer();
      else setTimeout(answer, delayMs);
    });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  parent.ready({ urls });
  return parent.message();
});
