// The list of features. A further one is a folder under src/features and a line here.

import type { AnyFeature } from './core/feature.ts';
import { notifications } from './features/notifications/index.ts';
import { price } from './features/price/index.ts';
import { reports } from './features/reports/index.ts';
import { searchSync } from './features/search-sync/index.ts';
import { webhooks } from './features/webhooks/index.ts';

export const features: readonly AnyFeature[] = [notifications, price, reports, searchSync, webhooks];
