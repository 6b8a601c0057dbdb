// Fields that a payload's schema marks with `secret: true` never come back in answers, lists or logs (rule 21): their
// values are replaced by a fixed text, whatever they are.

export const SECRET_MASK = '[secret]';

type Schema = Record<string, unknown>;

// Whether a schema holds a secret at all; most don't, and their payloads are passed on untouched.
const secretive = new WeakMap<object, boolean>();

/** The value with its secret fields masked; the same value when the schema has none. */
export function maskSecrets(schema: unknown, value: unknown): unknown {
  if (!isObject(schema)) return value;
  let known = secretive.get(schema);
  if (known === undefined) {
    known = JSON.stringify(schema).includes('"secret":true');
    secretive.set(schema, known);
  }
  return known ? mask(schema, value) : value;
}

function mask(schema: Schema, value: unknown): unknown {
  if (schema.secret === true) return value === undefined ? undefined : SECRET_MASK;
  let result = value;
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const part of list(schema[word])) result = mask(part, result);
  }
  if (Array.isArray(result))
    return isObject(schema.items) ? result.map((item) => mask(schema.items as Schema, item)) : result;
  if (!isObject(result)) return result;
  const properties = isObject(schema.properties) ? schema.properties : {};
  const patterns = Object.entries(isObject(schema.patternProperties) ? schema.patternProperties : {});
  return Object.fromEntries(
    Object.entries(result).map(([name, member]) => {
      const named = Object.hasOwn(properties, name) ? properties[name] : undefined;
      const other =
        patterns.find(([pattern]) => new RegExp(pattern, 'u').test(name))?.[1] ?? schema.additionalProperties;
      const part = named ?? other;
      return [name, isObject(part) ? mask(part, member) : member];
    }),
  );
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown): Schema[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
