// Fields that a payload's schema marks with `secret: true` never come back in answers, lists or logs (rule 21): their
// values are replaced by a fixed text, whatever they are, and wherever an error's text quotes them. A value counts as
// secret when any part of the schema that may apply to it says so, and what can't be followed counts as secret too.

import { isDeepStrictEqual } from 'node:util';
import { valueAt } from './json/pointer.ts';
import { isSchema, type Schema, subschemas } from './json-schema.ts';

export const SECRET_MASK = '[secret]';
/** Shorter values would tear holes into every text. */
const HIDDEN_CHARACTERS_MIN = 4;

/** Stands for a secret until all are out: no text holds it, and no secret is part of it. */
const PLACE = '\uffff';

/** A schema that holds a secret, with what its references may name. */
interface Secretive {
  root: Schema;
  /** By `$id`. */
  ids: Map<string, Schema>;
  anchors: Map<string, Schema>;
  /** The schema that `#` means inside of each. */
  homes: Map<Schema, Schema>;
}

// Most schemas hold no secret, and their payloads are passed on untouched.
const known = new WeakMap<object, Secretive | null>();

export function hasSecrets(schema: unknown): boolean {
  return read(schema) !== null;
}

/** The value with its secret fields masked; the same value when the schema has none. */
export function maskSecrets(schema: unknown, value: unknown): unknown {
  const secretive = read(schema);
  if (!secretive) return value;
  try {
    return mask(secretive, [secretive.root], value, () => {});
  } catch {
    // Nested too deeply, or a pattern that is none.
    return SECRET_MASK;
  }
}

/** Takes the values of secret fields of these payloads out of texts. They are looked for when there is a text. */
export function hidingSecrets(schema: unknown, payloads: readonly unknown[]): (text: string) => string {
  const secretive = read(schema);
  if (!secretive) return (text) => text;
  return (text) => {
    const secrets = new Set<string>();
    const take = (secret: unknown): void => collect(secret, secrets);
    try {
      for (const payload of payloads) mask(secretive, [secretive.root], payload, take);
    } catch {
      return SECRET_MASK;
    }
    const written = [...secrets].flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
    // A secret may be part of another.
    written.sort((a, b) => b.length - a.length);
    return written.reduce((left, secret) => left.replaceAll(secret, PLACE), text).replaceAll(PLACE, SECRET_MASK);
  };
}

/**
 * The value with the secrets that it was answered without: where `given` holds the mask in the place of a secret of
 * `before`, it means that one. In a list an item is known by the rest of it. Undefined when a mask stands for no secret.
 */
export function restoreSecrets(schema: unknown, given: unknown, before: unknown): { value: unknown } | undefined {
  const secretive = read(schema);
  if (!secretive) return { value: given };
  const value = before === undefined ? given : restore(given, maskSecrets(schema, before), before);
  let isLeft = false;
  try {
    mask(secretive, [secretive.root], value, (secret) => {
      isLeft ||= secret === SECRET_MASK;
    });
  } catch {
    return undefined;
  }
  return isLeft ? undefined : { value };
}

function restore(given: unknown, masked: unknown, before: unknown): unknown {
  if (isDeepStrictEqual(given, masked)) return before;
  if (Array.isArray(given)) {
    if (!Array.isArray(masked) || !Array.isArray(before)) return given;
    return given.map((item, place) => {
      const known = isDeepStrictEqual(item, masked[place])
        ? place
        : masked.findIndex((each) => isDeepStrictEqual(item, each));
      return known < 0 ? item : before[known];
    });
  }
  if (!isSchema(given) || !isSchema(masked) || !isSchema(before)) return given;
  return Object.fromEntries(
    Object.entries(given).map(([name, member]) => [
      name,
      Object.hasOwn(masked, name) ? restore(member, masked[name], before[name]) : member,
    ]),
  );
}

function collect(secret: unknown, into: Set<string>): void {
  if (typeof secret === 'object' && secret !== null) for (const part of Object.values(secret)) collect(part, into);
  else if (typeof secret === 'string' || typeof secret === 'number') {
    const text = String(secret);
    if (text.length >= HIDDEN_CHARACTERS_MIN) into.add(text);
  }
}

function read(schema: unknown): Secretive | null {
  if (!isSchema(schema)) return null;
  let found = known.get(schema);
  if (found === undefined) {
    found = JSON.stringify(schema).includes('"secret":true') ? index(schema) : null;
    known.set(schema, found);
  }
  return found;
}

function index(root: Schema): Secretive {
  const secretive: Secretive = { root, ids: new Map(), anchors: new Map(), homes: new Map() };
  const walk = (schema: Schema, outer: Schema): void => {
    if (secretive.homes.has(schema)) return;
    const home = typeof schema.$id === 'string' ? schema : outer;
    secretive.homes.set(schema, home);
    if (typeof schema.$id === 'string') secretive.ids.set(schema.$id, schema);
    for (const word of ['$anchor', '$dynamicAnchor']) {
      if (typeof schema[word] === 'string') secretive.anchors.set(schema[word], schema);
    }
    for (const part of subschemas(schema)) walk(part, home);
  };
  walk(root, root);
  return secretive;
}

function mask(
  secretive: Secretive,
  given: readonly unknown[],
  value: unknown,
  take: (secret: unknown) => void,
): unknown {
  const applying = allThatApply(secretive, given);
  if (value === undefined || applying.length === 0) return value;
  if (applying.some((schema) => schema.secret === true)) {
    take(value);
    return SECRET_MASK;
  }
  if (Array.isArray(value)) return value.map((item, place) => mask(secretive, ofItem(applying, place), item, take));
  if (!isSchema(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, mask(secretive, ofMember(applying, name), member, take)]),
  );
}

/** The given schemas, and those that they apply to the same value. */
function allThatApply(secretive: Secretive, given: readonly unknown[]): Schema[] {
  const all = new Set(given.filter(isSchema));
  // A set is walked to what is added meanwhile, and adds nothing twice: references may go round.
  for (const schema of all) {
    const words = ['allOf', 'anyOf', 'oneOf'].flatMap((word) => (Array.isArray(schema[word]) ? schema[word] : []));
    const dependent = isSchema(schema.dependentSchemas) ? Object.values(schema.dependentSchemas) : [];
    const referred = ['$ref', '$dynamicRef', '$recursiveRef'].map((word) => follow(secretive, schema, schema[word]));
    for (const part of [...words, schema.if, schema.then, schema.else, ...dependent, ...referred]) {
      if (isSchema(part)) all.add(part);
    }
  }
  return [...all];
}

function ofItem(applying: readonly Schema[], place: number): unknown[] {
  return applying.flatMap(({ items, prefixItems, additionalItems, unevaluatedItems, contains }) => {
    const first = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : [];
    const rest = Array.isArray(items) ? additionalItems : items;
    return [place < first.length ? first[place] : (rest ?? unevaluatedItems), contains];
  });
}

function ofMember(applying: readonly Schema[], name: string): unknown[] {
  const named = applying.map((schema) => {
    const properties = isSchema(schema.properties) ? schema.properties : {};
    const patterns = isSchema(schema.patternProperties) ? Object.entries(schema.patternProperties) : [];
    return [
      ...(Object.hasOwn(properties, name) ? [properties[name]] : []),
      ...patterns.filter(([pattern]) => new RegExp(pattern, 'u').test(name)).map(([, part]) => part),
    ];
  });
  const others = applying.flatMap(({ additionalProperties }, place) =>
    named[place]?.length === 0 && additionalProperties !== undefined ? [additionalProperties] : [],
  );
  const found = [...named.flat(), ...others];
  return found.length > 0 ? found : applying.map(({ unevaluatedProperties }) => unevaluatedProperties);
}

const UNKNOWN: Schema = { secret: true };

function follow({ root, ids, anchors, homes }: Secretive, from: Schema, reference: unknown): unknown {
  if (typeof reference !== 'string') return undefined;
  const [id = '', fragment = ''] = reference.split('#');
  const home = id === '' ? (homes.get(from) ?? root) : ids.get(id);
  if (!home || fragment === '') return home ?? UNKNOWN;
  if (!fragment.startsWith('/')) return anchors.get(fragment) ?? UNKNOWN;
  const place = valueAt(home, decodeURIComponent(fragment));
  return place === undefined ? UNKNOWN : place;
}
