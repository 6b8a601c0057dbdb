// Answers as text. SQL takes payloads of any depth, and JSON.stringify gives up on some that Postgres keeps: such an
// answer leaves out what lies too deep, so that one event doesn't take a whole list with it.

const LEVELS_MAX = 1_000;
const LEFT_OUT = '[nested too deeply to be shown]';

export function writeJson(answer: unknown): string {
  try {
    return JSON.stringify(answer);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return JSON.stringify(cut(answer, LEVELS_MAX));
  }
}

function cut(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return LEFT_OUT;
  if (Array.isArray(value)) return value.map((item) => cut(item, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, cut(member, levels - 1)]));
}
