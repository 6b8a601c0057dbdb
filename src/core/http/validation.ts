// Checks requests against their schemas, strictly: bodies are taken as they are (no coercion, nothing removed), query
// strings are text and therefore parsed, and an unknown field or parameter is an error with its path.

import type { Ajv2020, ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import type { FastifyInstance, FastifySchemaValidationError } from 'fastify';
import { pointer } from '../json/flaws.ts';
import { createAjv, withoutTuples } from '../json-schema.ts';
import { writeJson } from './write-json.ts';

export interface InvalidInput {
  code: 'unknown_field' | 'missing_field' | 'invalid_field' | 'invalid_query';
  /** JSON pointer into the body, or `/name` of a query parameter. */
  path: string;
  detail: string;
}

/** `texts`: the values are text, as in a query, and parsed. */
export function createRequestAjv({ texts }: { texts: boolean }): Ajv2020 {
  return createAjv({ removeAdditional: false, useDefaults: true, coerceTypes: texts });
}

/** Sets the compilers of an app. Answers are written as they are: their schemas document, and never drop a field. */
export function checkStrictly(app: FastifyInstance): void {
  const bodies = createRequestAjv({ texts: false });
  const texts = createRequestAjv({ texts: true });
  app.setValidatorCompiler(({ schema, httpPart }) =>
    compiledWhenAsked(() => (httpPart === 'body' ? bodies : texts).compile(withoutTuples(schema) as object)),
  );
  app.setSerializerCompiler(() => writeJson);
}

export interface Check {
  (data: unknown): boolean;
  errors?: ErrorObject[] | null;
}

/** Compiled for its first request: all routes' together would cost every start a second of processor time. */
export function compiledWhenAsked(compile: () => ValidateFunction): Check {
  let validate: ValidateFunction | undefined;
  const check: Check = (data) => {
    validate ??= compile();
    const isValid = validate(data);
    check.errors = validate.errors ?? null;
    return isValid;
  };
  return check;
}

/** What is wrong with the input, when a schema refused it. */
export function invalidInput(error: Error): InvalidInput | undefined {
  const { validation, validationContext } = error as {
    validation?: FastifySchemaValidationError[];
    validationContext?: string;
  };
  const first = validation?.[0];
  if (!first) return undefined;
  const invalid = describeRefusal(first as unknown as ErrorObject);
  return validationContext === 'body' ? invalid : { ...invalid, code: 'invalid_query' };
}

/** A schema's refusal in words, with the path of the value or field that it concerns. */
export function describeRefusal(error: ErrorObject): InvalidInput {
  const { keyword, params, instancePath, message = 'is not valid' } = error;
  const field = (name: string): string => instancePath + pointer([name]);
  switch (keyword) {
    case 'additionalProperties':
      return { code: 'unknown_field', path: field(params.additionalProperty), detail: 'is an unknown field' };
    case 'required':
      return { code: 'missing_field', path: field(params.missingProperty), detail: 'is missing' };
    case 'enum':
      return { code: 'invalid_field', path: instancePath, detail: `must be one of ${params.allowedValues.join(', ')}` };
    default:
      return { code: 'invalid_field', path: instancePath, detail: message };
  }
}
