// `:name` in a report's SQL: found outside of strings, names in quotes, comments and casts, and bound, never pasted.

import {
  type Definition,
  PARAMETER_TYPES,
  type ParameterType,
  type ParameterValue,
  type ParameterValues,
} from './messages.ts';

/** A definition or the values given for it are wrong; `path` is where, in the body of the call. */
export class ReportRefused extends Error {
  override readonly name = 'ReportRefused';

  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

export interface BoundQuery {
  /** With $1 and so on for Postgres, `?` for others. */
  text: string;
  values: (string | null)[];
}

// In this order: what hides a colon from us, then a parameter. A dollar quote ends at its own tag. What has no end hides all
// that follows, so that every letter is looked at once, whatever a definition is made of.
const TOKEN =
  /(?<escaped>\b[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$))|(?<hidden>'[^']*(?:'|$)|"[^"]*(?:"|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\$(?<tag>[A-Za-z_]\w*|)\$[\s\S]*?(?:\$\k<tag>\$|$)|::)|(?<![\w:]):(?<name>[A-Za-z_]\w*)/g;

/** The names of the parameters in a query, in order of their first use. */
export function namesIn(sql: string): string[] {
  const names = [...sql.matchAll(TOKEN)].flatMap(({ groups }) => (groups?.name === undefined ? [] : [groups.name]));
  return [...new Set(names)];
}

/** The query with its values in their places. Throws ReportRefused for a value that is missing, unknown or of another type. */
export function bind(
  { sql, parameters = {} }: Pick<Definition, 'sql' | 'parameters'>,
  given: ParameterValues,
  marks: 'numbered' | 'question' = 'numbered',
): BoundQuery {
  const values: (string | null)[] = [];
  const numbers = new Map<string, number>();
  const known = valuesOf(parameters, given);
  const text = sql.replace(TOKEN, (whole, ...rest) => {
    const { name } = rest.at(-1) as { name?: string };
    if (name === undefined) return whole;
    const declared = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (!declared) throw new ReportRefused('/sql', `:${name} is no parameter: add it to parameters with its type`);
    if (marks === 'question') {
      values.push(known[name] ?? null);
      return '?';
    }
    const number = numbers.get(name) ?? values.push(known[name] ?? null);
    numbers.set(name, number);
    return `($${number}::${PARAMETER_TYPES[declared.type]})`;
  });
  return { text, values };
}

/** What a run takes: the values given, else the defaults, as text. */
export function valuesOf(
  parameters: NonNullable<Definition['parameters']>,
  given: ParameterValues,
): Record<string, string | null> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(parameters, name)) {
      throw new ReportRefused(`/parameters/${name}`, `is no parameter of this report`);
    }
  }
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { type, default: fallback }]) => {
      const value = Object.hasOwn(given, name) ? given[name] : fallback;
      if (value === undefined) throw new ReportRefused(`/parameters/${name}`, 'is missing, and has no default');
      return [name, asText(name, type, value)];
    }),
  );
}

function asText(name: string, type: ParameterType, value: ParameterValue): string | null {
  if (value === null) return null;
  const text = String(value);
  const refused = (what: string) =>
    new ReportRefused(`/parameters/${name}`, `must be ${what}, not ${JSON.stringify(value)}`);
  switch (PARAMETER_TYPES[type]) {
    case 'bigint':
      if (!/^[+-]?\d{1,19}$/.test(text)) throw refused('a whole number');
      if (typeof value === 'number' && !Number.isSafeInteger(value)) throw refused('text, so that no digit is lost');
      return text;
    case 'numeric':
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) throw refused('a number');
      return text;
    case 'boolean':
      if (!/^(true|false)$/.test(text)) throw refused('true or false');
      return text;
    default:
      if (typeof value === 'boolean') throw refused('text');
      if (text.includes('\0')) throw refused('text without NUL');
      return text;
  }
}
