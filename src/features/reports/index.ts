// Reports: a query that is kept with its parameters, format and recipients; a run is an event of type `report`, which makes
// a file and mails it, once, to those who have none.

import type { Feature } from '../../core/feature.ts';
import { type ReportSettings, settings } from './settings.ts';

export const reports: Feature<ReportSettings> = {
  name: 'reports',
  settings,
  eventTypes: async (dependencies) => [(await import('./event-types.ts')).reportType(dependencies)],
  schedules: ({ config }) => [
    {
      id: 'reports.events-of-the-last-day',
      cron: '0 9 * * *',
      timeZone: config.timeZone,
      type: 'report',
      payload: { report: 'events-of-the-last-day' },
      overlap: 'skip',
      catchupWindow: '1h',
      paused: true,
      note: 'The sample report: resume it, or trigger it.',
    },
  ],
  commands: [
    {
      name: 'reports',
      description: 'definitions, runs and deliveries of reports',
      load: async () => (await import('./commands.ts')).reportCommands,
    },
  ],
  metrics: async (registry, dependencies) => {
    if (dependencies.in === 'api') (await import('./metrics.ts')).reportMetrics(registry, dependencies.pool);
  },
  health: async (dependencies) => (await import('./health.ts')).mailFindings(dependencies),
  erase: async (client, subject) => (await import('./store/erase.ts')).eraseRecipient(client, subject),
  prune: async ({ pool, config }) => (await import('./prune.ts')).pruneReports(pool, config),
  routes: async (app, dependencies) => (await import('./routes/index.ts')).reportRoutes(app, dependencies),
};
