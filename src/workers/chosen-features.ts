// Which features a worker runs: those that are named, or all.

import type { AnyFeature } from '../core/feature.ts';
import { ConfigError } from '../settings.ts';

/** Throws an Error that names what isn't a feature; `from` is where the names stand. */
export function chosenFeatures(
  names: readonly string[] | undefined,
  features: readonly AnyFeature[],
  from: string,
): readonly AnyFeature[] {
  if (names === undefined) return features;
  const known = features.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (names.length === 0 || unknown.length > 0) {
    const what = unknown.join(', ') || 'nothing';
    throw new ConfigError(`${from}: ${what} is not a feature; there are ${known.join(', ')}`);
  }
  return features.filter(({ name }) => names.includes(name));
}
