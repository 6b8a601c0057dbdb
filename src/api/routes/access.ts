// The calls about who may do what: signing in, keys, the audit.

import type { Api, ApiCore } from '../api.ts';
import type { Callers } from '../callers.ts';
import { auditRoutes } from './audit.ts';
import { keyRoutes } from './keys.ts';
import { sessionRoutes } from './session.ts';

export function accessRoutes(app: Api, core: ApiCore, callers: Callers): void {
  sessionRoutes(app, callers);
  keyRoutes(app, core, callers.keys);
  auditRoutes(app, core);
}
