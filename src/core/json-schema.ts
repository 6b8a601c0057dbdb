// JSON Schema as TEM reads it, for payloads and for requests: draft 2020-12, and the tuples that TypeBox writes in the
// words of the drafts before it (`items` as an array).

import { Ajv2020, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export type Schema = Record<string, unknown>;

const SCHEMAS_IN = {
  one: `additionalItems additionalProperties contains contentSchema else if items not propertyNames then
    unevaluatedItems unevaluatedProperties`.split(/\s+/),
  list: ['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems'],
  named: ['$defs', 'definitions', 'dependentSchemas', 'patternProperties', 'properties'],
};
const metaSchema = new Ajv2020({ strict: false });

/** Compiles a payload's schema. Throws when it is none. */
export function compileSchema(schema: unknown): ValidateFunction {
  const written = withoutTuples(schema);
  if (!metaSchema.validateSchema(written as Schema)) throw new Error(`schema is invalid: ${metaSchema.errorsText()}`);
  // An Ajv for each: it keeps what it compiles for ever, and two schemas may give one `$id` to different things.
  return createAjv({ coerceTypes: false, useDefaults: false, validateSchema: false }).compile(written as Schema);
}

export function createAjv(options: Options): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: false, ...options });
  addFormats.default(ajv);
  return ajv;
}

/** A copy whose tuples are written as draft 2020-12 has them. */
export function withoutTuples(schema: unknown): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(schema));
  if (isSchema(copy)) rewriteTuples(copy);
  return copy;
}

function rewriteTuples(schema: Schema): void {
  for (const part of subschemas(schema)) rewriteTuples(part);
  if (!Array.isArray(schema.items)) return;
  schema.prefixItems = schema.items;
  if (schema.additionalItems === undefined) delete schema.items;
  else schema.items = schema.additionalItems;
  delete schema.additionalItems;
}

/** The schemas right inside of a schema, in whatever word. */
export function subschemas(schema: Schema): Schema[] {
  return [
    ...SCHEMAS_IN.one.map((word) => schema[word]),
    ...SCHEMAS_IN.list.flatMap((word) => (Array.isArray(schema[word]) ? schema[word] : [])),
    ...SCHEMAS_IN.named.flatMap((word) => (isSchema(schema[word]) ? Object.values(schema[word]) : [])),
  ].filter(isSchema);
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
