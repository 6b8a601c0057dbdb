// What the features say of their own health, for `tem doctor` and readyz. A feature whose check fails is a finding too: it
// must not hide what the others say.

import type { AnyFeature, FeatureDependencies } from '../feature.ts';
import { dependenciesOf } from '../feature-dependencies.ts';
import type { Finding } from './finding.ts';

export function featureHealth(
  features: readonly AnyFeature[],
  shared: Omit<FeatureDependencies, 'settings'>,
): () => Promise<Finding[]> {
  return async () => {
    const found = features.map(async (feature): Promise<Finding[]> => {
      try {
        return (await feature.health?.(dependenciesOf(feature, shared))) ?? [];
      } catch (error) {
        const detail = `could not be checked: ${(error as Error).message}`;
        return [{ name: feature.name, ok: false, detail, isWarning: true }];
      }
    });
    return (await Promise.all(found)).flat();
  };
}
