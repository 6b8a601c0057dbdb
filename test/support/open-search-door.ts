// A real OpenSearch for the files that ask for one, started once for a test run and only then: whoever asks the door gets
// its address. TEM_TEST_SEARCH_URL names one that runs already. Without Java the tests that need it fail and say so, unless
// TEM_TEST_SKIP_SEARCH=1.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolderOf, readConfig } from '../../src/config.ts';
import { type RunningOpenSearch, startOpenSearch } from '../../src/features/search-sync/demo/opensearch.ts';

export interface Door {
  url: string;
  close(): Promise<void>;
}

export async function openDoor(): Promise<Door> {
  let folder: string | undefined;
  let starting: Promise<RunningOpenSearch> | undefined;
  const start = (): Promise<RunningOpenSearch> => {
    folder = mkdtempSync(join(tmpdir(), 'tem-opensearch-'));
    return startOpenSearch({
      cacheFolder: cacheFolderOf(readConfig({})),
      folder,
      quickStart: true,
      say: (line) => process.stderr.write(`${line}\n`),
    });
  };
  const server = createServer((_request, response) => {
    const given = process.env.TEM_TEST_SEARCH_URL;
    if (given) return void response.end(given);
    starting ??= start();
    starting.then(
      ({ url }) => response.end(url),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  // The first to ask waits for the start, on a busy machine for minutes.
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await starting?.then(
        (running) => running.stop(),
        () => {},
      );
      if (folder) rmSync(folder, { recursive: true, force: true });
    },
  };
}
