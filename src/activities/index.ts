// The catalog of every activity, made from its dependencies.

import type { FeatureActivities } from '../core/feature.ts';
import type { EventActivities } from '../workflows/contract.ts';
import { type AttemptActivities, type AttemptActivityDependencies, createAttemptActivities } from './attempts.ts';
import { createRunActivities, type RunActivityDependencies } from './runs.ts';
import { createScheduleActivities, type ScheduleActivityDependencies } from './schedules.ts';
import { traced } from './traced.ts';

export type ActivityDependencies = AttemptActivityDependencies & RunActivityDependencies & ScheduleActivityDependencies;

/** The core's activities and those of the features. Throws when a feature's has a name that is taken. */
export function createActivities(
  dependencies: ActivityDependencies,
  ofFeatures: FeatureActivities = {},
  watcher?: { watch(activities: AttemptActivities): AttemptActivities },
): EventActivities & FeatureActivities {
  const attempts = createAttemptActivities(dependencies);
  const core: EventActivities = {
    ...(watcher?.watch(attempts) ?? attempts),
    ...createRunActivities(dependencies),
    ...createScheduleActivities(dependencies),
  };
  const taken = Object.keys(ofFeatures).find((name) => Object.hasOwn(core, name));
  if (taken !== undefined)
    throw new Error(`an activity of the core is named ${taken}: begin the name with the feature's`);
  return { ...traced(ofFeatures, dependencies.pool, dependencies.attempts.tracing), ...core } as EventActivities &
    FeatureActivities;
}
