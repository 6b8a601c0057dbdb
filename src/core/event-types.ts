// The event types of one process: those of the features and those of the user's modules (TEM_EVENT_TYPES), with one
// compiled validator each, used for HTTP, SQL and batches alike.

import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import type { EventType, PayloadRefusal } from './event-type.ts';
import { EventTypesError, loadModule } from './event-type-module.ts';
import type { AnyFeature, FeatureDependencies } from './feature.ts';
import { dependenciesOf } from './feature-dependencies.ts';
import { compileSchema } from './json-schema.ts';
import { errorText } from './ledger/mark.ts';
import { hidingSecrets } from './secret-fields.ts';
import { overridden, type TypeOverride } from './type-overrides.ts';

export interface EventTypes {
  /** With what people have set in the place of its own policy. */
  get(name: string): EventType | undefined;
  /** As their code has them. */
  all(): EventType[];
  /** From now on these policies hold, and no others. */
  override(overrides: ReadonlyMap<string, TypeOverride>): void;
  /** Why the type's schema or `refuse` doesn't take the payload, or undefined when it does. Never throws. */
  refusal(type: EventType, payload: unknown): PayloadRefusal | undefined;
}

/** Builds the registry from types. Throws an EventTypesError when a name appears twice or a schema is invalid. */
export function createEventTypes(types: EventType[]): EventTypes {
  const byName = new Map<string, EventType>();
  const validators = new Map<string, ValidateFunction>();
  for (const type of types) {
    if (byName.has(type.name)) throw new EventTypesError(`event type ${type.name} is defined twice`);
    byName.set(type.name, type);
    try {
      validators.set(type.name, compileSchema(type.payload));
    } catch (error) {
      throw new EventTypesError(`event type ${type.name}: payload is not a valid schema: ${(error as Error).message}`);
    }
  }
  let inForce = byName;
  let overriddenBy = '';
  return {
    get: (name) => inForce.get(name),
    all: () => [...byName.values()],
    override(overrides) {
      const text = JSON.stringify([...overrides]);
      if (text === overriddenBy) return;
      overriddenBy = text;
      inForce = new Map([...byName].map(([name, type]) => [name, overridden(type, overrides.get(name))]));
    },
    refusal(type, payload) {
      const hide = hidingSecrets(type.payload, [payload]);
      const validate = validators.get(type.name);
      try {
        if (validate && !validate(payload)) return describeInvalid(validate.errors?.[0]);
      } catch (error) {
        // A schema that refers to itself, and a payload nested too deeply for it.
        return { path: '', message: `can't be checked: ${errorText(error, hide)}` };
      }
      try {
        const refusal = readRefusal(type.refuse?.(payload as never));
        return refusal && { ...refusal, message: hide(refusal.message) };
      } catch (error) {
        return { path: '', message: `can't be checked: refuse failed: ${errorText(error, hide)}` };
      }
    },
  };
}

function describeInvalid(first: ErrorObject | undefined): PayloadRefusal {
  const extra = first?.params as { additionalProperty?: string; missingProperty?: string } | undefined;
  const property = extra?.additionalProperty ?? extra?.missingProperty;
  const path = (first?.instancePath ?? '') + (property === undefined ? '' : `/${pointerEscape(property)}`);
  return {
    path,
    message: extra?.additionalProperty ? 'is an unknown field' : (first?.message ?? 'is not valid'),
  };
}

/** What the user's code said, when it is a refusal. Throws on anything else, such as a promise. */
function readRefusal(said: PayloadRefusal | undefined): PayloadRefusal | undefined {
  if (said === undefined || said === null) return undefined;
  if (typeof said.path === 'string' && typeof said.message === 'string') return said;
  if (said instanceof Promise) said.catch(() => {});
  throw new TypeError('it returned neither undefined nor { path, message }');
}

function pointerEscape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The types of the given features and of the user's modules. Throws an EventTypesError that says what and where. */
export async function loadEventTypes(
  modules: readonly string[],
  dependencies: Omit<FeatureDependencies, 'settings'>,
  features: readonly AnyFeature[],
): Promise<EventTypes> {
  const definedBy = new Map<string, string>();
  const once = (types: EventType[], source: string): EventType[] => {
    for (const { name } of types) {
      const other = definedBy.get(name);
      if (other !== undefined)
        throw new EventTypesError(`event type ${name} is defined twice: by ${other} and by ${source}`);
      definedBy.set(name, source);
    }
    return types;
  };
  const types: EventType[] = [];
  for (const feature of features) {
    const ofFeature = (await feature.eventTypes?.(dependenciesOf(feature, dependencies))) ?? [];
    types.push(...once(ofFeature, `the feature ${feature.name}`));
  }
  for (const module of modules) types.push(...once(await loadModule(module), module));
  const workflows = features.flatMap((feature) => feature.workflows ?? []);
  for (const { name, workflow } of types) {
    if (workflow === undefined || workflows.includes(workflow)) continue;
    throw new EventTypesError(
      `event type ${name}: no feature brings the workflow ${workflow}; there are ${workflows.join(', ') || 'none'}`,
    );
  }
  return createEventTypes(types);
}
