// Runs as a process of its own: lets the Temporal SDK download the server that fits it into the folder given as the
// first argument. The SDK's call can't be cancelled, so the process that started this one kills it when it hangs.

import { createRequire } from 'node:module';
import { Runtime } from '@temporalio/worker';

const CACHE_FOR_MS = 365 * 24 * 3_600_000;

const [folder] = process.argv.slice(2);
if (!folder) throw new Error('usage: temporal-download <folder>');
const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };

// The native call wants `ip`, which its type doesn't know; a variable isn't checked for that.
const options = {
  type: 'dev-server' as const,
  exe: {
    type: 'cached-download' as const,
    downloadDir: folder,
    version: 'default',
    ttl: CACHE_FOR_MS,
    sdkName: 'sdk-typescript',
    sdkVersion: version,
  },
  ip: '127.0.0.1',
  namespace: 'default',
  port: null,
  uiPort: null,
  dbFilename: null,
  ui: false,
  log: { format: 'pretty', level: 'error' },
  extraArgs: [],
};
const server = await Runtime.instance().createEphemeralServer(options);
await Runtime.instance().shutdownEphemeralServer(server);
