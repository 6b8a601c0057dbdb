// The routes of schedules: the rows, what a person does with them, and what came of them.

import type { Client } from '@temporalio/client';
import type { Api, ApiCore } from '../api.ts';
import { actionRoutes } from './actions.ts';
import { resourceRoutes } from './resource.ts';
import { runRoutes } from './runs.ts';

export interface ScheduleRoutes extends ApiCore {
  temporal: Client;
}

export function scheduleRoutes(app: Api, core: ScheduleRoutes): void {
  resourceRoutes(app, core);
  actionRoutes(app, core);
  runRoutes(app, core);
}
