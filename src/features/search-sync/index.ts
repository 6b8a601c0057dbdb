// Search sync: tables of this Postgres mirrored to Elasticsearch or OpenSearch by triggers, a queue and processors in the
// workers, loaded and compared so that index and database are known to agree. Off without TEM_SEARCH_URL.

import type { Feature } from '../../core/feature.ts';
import { type SearchSettings, searchSettings } from './settings.ts';

export const searchSync: Feature<SearchSettings> = {
  name: 'search-sync',
  settings: searchSettings,
  async eventTypes(dependencies) {
    const { searchEventTypes } = await import('./event-types.ts');
    return searchEventTypes(dependencies);
  },
  async background(dependencies) {
    const { backgroundParts } = await import('./background.ts');
    return backgroundParts(dependencies);
  },
  async routes(app, dependencies) {
    const { searchRoutes } = await import('./routes.ts');
    await searchRoutes(app, dependencies);
  },
  commands: [
    {
      name: 'search',
      description: 'tables that are mirrored to Elasticsearch or OpenSearch',
      load: async () => (await import('./commands.ts')).searchCommands,
    },
  ],
  async metrics(registry, dependencies) {
    const { searchMetrics } = await import('./metrics.ts');
    searchMetrics(registry, dependencies);
  },
  async health(dependencies) {
    const { searchFindings } = await import('./health.ts');
    return searchFindings(dependencies);
  },
  async alerts(dependencies) {
    const { searchConditions } = await import('./alerts.ts');
    return searchConditions(dependencies);
  },
  async prune({ pool, settings }) {
    const { pruneQueue } = await import('./prune.ts');
    return pruneQueue(pool, settings.keepCompletedMs);
  },
};
