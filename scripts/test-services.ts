// npm run test:services: a Postgres and a Temporal that all test runs on this machine use while it runs, in a folder of its
// own that is empty at each start. Ctrl-C stops both.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { stopSignal, untilAborted } from '../src/cli/stopping.ts';
import { cacheFolderOf, readConfig } from '../src/config.ts';
import { makeFolder } from '../src/core/folder.ts';
import { removeInstance, writeInstance } from '../src/services/instance.ts';
import { takeLock } from '../src/services/lock.ts';
import { startPostgres } from '../src/services/postgres.ts';
import { identify, type ProcessIdentity, type ServiceProcess } from '../src/services/processes.ts';
import { startTemporal } from '../src/services/temporal.ts';
import { findTemporalBinary } from '../src/services/temporal-binary.ts';
import { runningServices, SERVICES_HOME } from '../test/support/running-services.ts';

/** Several test runs at a time, each with several workers. */
const CONNECTIONS_MAX = 600;
const NAMESPACE = 'default';

const home = SERVICES_HOME;
makeFolder(home);
const lock = takeLock(`${home}.lock`);
if (!lock.taken) {
  console.error(`already running: pid ${lock.holder.pid}`);
  process.exit(runningServices() ? 0 : 1);
}
rmSync(home, { recursive: true, force: true });
makeFolder(home);

const started: ServiceProcess[] = [];
try {
  const signal = stopSignal();
  const common = { home, port: 0, say: (line: string): void => console.error(line), signal };
  const postgres = await startPostgres({ ...common, settings: { max_connections: String(CONNECTIONS_MAX) } });
  started.push(postgres);
  const binary = await findTemporalBinary({ cacheFolder: cacheFolderOf(readConfig({})), say: common.say, signal });
  const temporal = await startTemporal({ ...common, binary, namespace: NAMESPACE, uiPort: 0 });
  started.push(temporal);
  writeInstance(home, {
    command: 'npm run test:services',
    supervisor: identify(process.pid) as ProcessIdentity,
    processes: { postgres: postgres.identity, temporal: temporal.identity },
    databaseUrl: postgres.databaseUrl,
    temporalAddress: temporal.address,
    temporalNamespace: NAMESPACE,
    temporalCli: binary,
    temporalUiUrl: temporal.uiUrl,
    apiUrl: '',
    demoPort: 0,
  });
  console.log(
    `Postgres ${postgres.databaseUrl}\nTemporal ${temporal.address}, Web UI ${temporal.uiUrl}\nData, logs ${join(home)}`,
  );
  console.log('Test runs use them from now on. Ctrl-C stops both.');
  const ended = Promise.race(started.map(async (service) => console.error(`a service ended: ${await service.exited}`)));
  await Promise.race([untilAborted(signal), ended]);
} finally {
  removeInstance(home);
  await Promise.all(started.map((service) => service.stop()));
  lock.release();
}
