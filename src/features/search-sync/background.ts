// What runs in workers beside the relay: a processor in each, and on one of them the watch. Nothing without a target.

import type { BackgroundPart, WorkerDependencies } from '../../core/feature.ts';
import { rebuildLost } from './load/reindex.ts';
import { createProcessor, type Processor } from './processor/processor.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import type { SearchSettings } from './settings.ts';
import { readMappings } from './store.ts';
import { createWatch, type Watch } from './watch/watch.ts';

const PROCESSOR_CONNECTIONS = 5;
const WATCH_CONNECTIONS = 3;

export function backgroundParts(dependencies: WorkerDependencies<SearchSettings>): BackgroundPart[] {
  const { settings, log } = dependencies;
  if (Object.keys(settings.targets).length === 0) return [];
  return [processorPart(dependencies), watchPart(dependencies)].map((part) => {
    log.debug({ part: part.name }, 'search sync part');
    return part;
  });
}

function processorPart({ databaseUrl, settings, log, listener }: WorkerDependencies<SearchSettings>): BackgroundPart {
  let runtime: Runtime | undefined;
  let processor: Processor | undefined;
  return {
    name: 'search-processor',
    on: 'everyWorker',
    async start() {
      const made = createRuntime(databaseUrl, settings, {
        connections: PROCESSOR_CONNECTIONS,
        name: 'tem search processor',
      });
      runtime = made;
      processor = createProcessor({
        pool: made.pool,
        targets: made.states,
        log,
        listen: (channel, onNotify) => listener.listen(channel, onNotify, onNotify),
        async onMissing(indexId) {
          const mapping = (await readMappings(made.pool)).find(({ indices }) =>
            indices.some(({ id }) => id === indexId),
          );
          if (mapping) await rebuildLost({ pool: made.pool, targets: made.targets, log }, mapping, indexId);
        },
      });
      await processor.start();
    },
    async stop() {
      await processor?.stop();
      await runtime?.close();
    },
  };
}

function watchPart({ databaseUrl, settings, log }: WorkerDependencies<SearchSettings>): BackgroundPart {
  let runtime: Runtime | undefined;
  let watch: Watch | undefined;
  return {
    name: 'search-watch',
    on: 'oneWorker',
    start() {
      runtime = createRuntime(databaseUrl, settings, { connections: WATCH_CONNECTIONS, name: 'tem search watch' });
      watch = createWatch({ ...runtime, settings, log });
      watch.start();
    },
    async stop() {
      await watch?.stop();
      await runtime?.close();
    },
  };
}
