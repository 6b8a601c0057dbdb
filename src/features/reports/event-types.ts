// The event type `report`: one run of a report, with its retries, state and end like any other event.

import { defineEventType, type EventType } from '../../core/event-type.ts';
import type { FeatureDependencies } from '../../core/feature.ts';
import { deliver } from './delivering.ts';
import { parseRecipients } from './mail/recipients.ts';
import { ReportPayload } from './messages.ts';
import { ReportRefused } from './parameters.ts';
import type { ReportSettings } from './settings.ts';
import { createSources } from './sources/index.ts';
import { noteFailed } from './store/deliveries.ts';

export function reportType({ pool, config, settings }: FeatureDependencies<ReportSettings>): EventType {
  const place = {
    pool,
    settings,
    apiUrl: config.api.url,
    timeZone: config.timeZone,
    sources: createSources({ pool, databaseUrl: config.databaseUrl ?? '', settings }),
  };
  return defineEventType({
    name: 'report',
    payload: ReportPayload,
    long: true,
    // Greylisting lets through after minutes; a server that is away has about an hour.
    retry: { maxAttempts: 12, base: '10s', cap: '10m' },
    timeout: '2h',
    refuse({ recipients }) {
      try {
        parseRecipients(recipients ?? []);
        return undefined;
      } catch (error) {
        if (error instanceof ReportRefused) return { path: error.path, message: error.message };
        throw error;
      }
    },
    handle: ({ id, payload }, { signal }) => deliver(place, { id, payload }, signal),
    async compensate({ id }, { error }) {
      await noteFailed(pool, id, error.message, true);
    },
  });
}
