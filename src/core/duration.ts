// Durations as people write them ('250ms', '10s', '5m', '1h', '30d'), in one place for types, settings and the API.

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export type Duration = `${number}${keyof typeof UNIT_MS}`;

/** Milliseconds of a duration such as `10s`. Throws a RangeError that says what is accepted. */
export function milliseconds(duration: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration);
  if (!match) {
    throw new RangeError(`'${duration}' is not a duration: write a number and ms, s, m, h or d, such as 10s`);
  }
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}
