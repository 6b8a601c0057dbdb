// What each feature gets of what a process shares: the same, with its own settings and a log that names it.

import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { AnyFeature } from './feature.ts';

export function dependenciesOf<Shared extends { config: Config; log: Logger }>(
  feature: AnyFeature,
  shared: Shared,
): Shared & { settings: unknown } {
  return {
    ...shared,
    settings: shared.config.features[feature.name],
    log: shared.log.child({ feature: feature.name }),
  };
}
