// The event types of search sync. Their connections are made when the first event needs them.

import type { EventType } from '../../core/event-type.ts';
import type { FeatureDependencies } from '../../core/feature.ts';
import { documentType } from './document/document.ts';
import { loadType } from './load/type.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import type { SearchSettings } from './settings.ts';

const CONNECTIONS = 4;

export function searchEventTypes({ config, settings, log }: FeatureDependencies<SearchSettings>): EventType[] {
  let made: Runtime | undefined;
  const runtime = (): Runtime => {
    if (config.databaseUrl === undefined) throw new Error('no database is known to this process');
    made ??= createRuntime(config.databaseUrl, settings, { connections: CONNECTIONS, name: 'tem search events' });
    return made;
  };
  return [
    documentType(settings.attempts, () => ({ pool: runtime().pool, targets: runtime().states })),
    loadType(() => ({ pool: runtime().pool, targets: runtime().states, log, keepReplacedMs: settings.keepReplacedMs })),
  ];
}
