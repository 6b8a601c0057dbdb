// Two `tem up` of different homes that start in the same moment and want the same ports, as two people on one machine do.

import { expect, onTestFinished, test } from 'vitest';
import { type Instance, readInstance } from '../../src/services/instance.ts';
import { freePort } from '../../src/services/ports.ts';
import { stopProcess } from '../../src/services/processes.ts';
import { makeHome } from '../support/home.ts';
import { runTem, startTem } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';

const TIMEOUT_MS = 180_000;
const ENDS_WITHIN_MS = 60_000;
const HELLO = '{"user": "ada", "title": "Hello", "body": "from a test"}';

test('both start, each on ports and services of its own, and each ends its own event', {
  timeout: TIMEOUT_MS,
}, async () => {
  const wanted = {
    TEM_POSTGRES_PORT: String(await freePort(0)),
    TEM_TEMPORAL_PORT: String(await freePort(0)),
    TEM_TEMPORAL_UI_PORT: String(await freePort(0)),
  };
  const homes = [await makeHome(), await makeHome()];
  const starting = homes.map((home) => {
    onTestFinished(async () => {
      for (const identity of Object.values(readInstance(home)?.processes ?? {})) await stopProcess(identity, 'SIGKILL');
    });
    const tem = startTem(['up'], { TEM_HOME: home, ...wanted });
    onTestFinished(async () => void (await tem.stop()));
    return tem.ready();
  });
  await Promise.all(starting);

  const [first, second] = homes.map((home) => readInstance(home)) as [Instance, Instance];
  for (const address of ['apiUrl', 'databaseUrl', 'temporalAddress', 'temporalUiUrl'] as const) {
    expect(new URL(withScheme(first[address])).port).not.toBe(new URL(withScheme(second[address])).port);
  }
  for (const home of homes) {
    const env = { TEM_HOME: home };
    const { stdout } = await runTem(['send', 'notification', HELLO, '--key', 'hello', '--json'], env);
    const { id } = JSON.parse(stdout) as { id: string };
    await waitFor(async () => {
      const shown = JSON.parse((await runTem(['events', 'show', id, '--json'], env)).stdout) as { state: string };
      return shown.state === 'PROCESSED';
    }, ENDS_WITHIN_MS);
  }
});

function withScheme(address: string): string {
  return address.includes('://') ? address : `grpc://${address}`;
}
