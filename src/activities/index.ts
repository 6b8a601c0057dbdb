// The catalog of every activity, made from its dependencies.

import type { EventActivities } from '../workflows/contract.ts';
import { type AttemptActivityDependencies, createAttemptActivities } from './attempts.ts';
import { createRunActivities, type RunActivityDependencies } from './runs.ts';

export type ActivityDependencies = AttemptActivityDependencies & RunActivityDependencies;

export function createActivities(dependencies: ActivityDependencies): EventActivities {
  return { ...createAttemptActivities(dependencies), ...createRunActivities(dependencies) };
}
