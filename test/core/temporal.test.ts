// Connections to Temporal go straight to its address, in an API, a worker and every command alike.

import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { expect, inject, onTestFinished, test } from 'vitest';
import { checkTemporal } from '../../src/core/health/temporal.ts';
import { clientConnectionOptions, connectClient } from '../../src/core/temporal.ts';

const WITHIN_MS = 20_000;
/** Where nobody listens. */
const PROXY = 'http://127.0.0.1:9';

test('no proxy of the environment is asked for Temporal', async () => {
  const before = { ...process.env };
  onTestFinished(() => {
    process.env = before;
  });
  for (const name of ['no_proxy', 'NO_PROXY', 'no_grpc_proxy']) delete process.env[name];
  for (const name of ['http_proxy', 'https_proxy', 'grpc_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
    process.env[name] = PROXY;
  }
  const options = { address: inject('temporalAddress') };
  const lazy = Connection.lazy(clientConnectionOptions(options));
  const connections = [await connectClient(options, WITHIN_MS), lazy, await NativeConnection.connect(options)];
  onTestFinished(async () => void (await Promise.all(connections.map((connection) => connection.close()))));
  for (const { workflowService } of connections) await workflowService.describeNamespace({ namespace: 'default' });
  expect(await checkTemporal(options, 'default')).toMatchObject({ ok: true });
});
