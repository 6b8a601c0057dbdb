// Loads one module of TEM_EVENT_TYPES. Whatever its code does while it loads, hang, throw anything or leave a promise behind
// that fails, the start ends with one line that names the module.

import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { isAbsolute, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../settings.ts';
import { type EventType, isEventType } from './event-type.ts';
import { errorText } from './ledger/mark.ts';
import { type DefinedSchedule, isSchedule } from './schedules/define-schedule.ts';
import { within } from './within.ts';

/** A module of TEM_EVENT_TYPES is missing or wrong; the message says which and why. */
export class EventTypesError extends ConfigError {}

const LOADED_WITHIN_MS = 30_000;

/** Whose top the running code was started by: what it leaves behind, such as a timer, may fail long after the load. */
export const currentModule = new AsyncLocalStorage<{ specifier: string; isLoading: boolean }>();

/** The event types that a module exports. Throws an EventTypesError. One at a time: what fails is this module's. */
export async function loadModule(specifier: string, withinMs = LOADED_WITHIN_MS): Promise<EventType[]> {
  const path = pathOf(specifier);
  const module = { specifier, isLoading: true };
  let exported: Record<string, unknown>;
  try {
    exported = await currentModule.run(module, () => watched(withinMs, () => import(urlOf(specifier))));
  } catch (error) {
    throw new EventTypesError(`TEM_EVENT_TYPES: ${specifier} can't be loaded: ${failure(error, path)}`);
  } finally {
    module.isLoading = false;
  }
  const values = valuesOf(exported);
  const types = values.filter(isEventType);
  if (types.length === 0 && !values.some(isSchedule)) {
    throw new EventTypesError(
      `TEM_EVENT_TYPES: ${specifier} exports no event type; export one made by defineEventType`,
    );
  }
  return [...new Set(types)];
}

/** The schedules that a module exports which has been loaded. */
export async function schedulesOfModule(specifier: string): Promise<DefinedSchedule[]> {
  return [...new Set(valuesOf(await import(urlOf(specifier))).filter(isSchedule))];
}

/** A CommonJS module's names are those of its default export when nobody could read them from its source. */
function valuesOf(exported: Record<string, unknown>): unknown[] {
  return [exported, exported.default].flatMap((names) => Object.values(Object(names))).flat();
}

function pathOf(specifier: string): string | undefined {
  const isPath = specifier.startsWith('.') || isAbsolute(specifier) || /\.[cm]?[jt]s$/.test(specifier);
  return isPath ? resolve(specifier) : undefined;
}

function urlOf(specifier: string): string {
  const path = pathOf(specifier);
  return path === undefined ? specifier : pathToFileURL(path).href;
}

async function watched<Loaded>(withinMs: number, load: () => Promise<Loaded>): Promise<Loaded> {
  let onStray: (error: unknown) => void = () => {};
  const stray = new Promise<never>((_, reject) => {
    onStray = (error) => reject(new Error(`a promise that nobody awaits failed: ${errorText(error)}`));
  });
  stray.catch(() => {});
  process.on('unhandledRejection', onStray);
  try {
    const loaded = within(withinMs, load(), () => {
      return new Error(`it is not done after ${withinMs / 1_000} s: what does the code at its top wait for?`);
    });
    const exported = await Promise.race([loaded, stray]);
    // Node tells of a failed promise once the code that left it behind has run.
    await Promise.race([turn(), stray]);
    return exported;
  } finally {
    process.off('unhandledRejection', onStray);
  }
}

/** What is wrong with a module, and for a syntax error of JavaScript the line, which Node tells only when it prints it. */
function failure(error: unknown, path: string | undefined): string {
  const message = errorText(error);
  if (!(error instanceof SyntaxError) || path === undefined) return message;
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8' });
  const where = /^(?:file:\/\/)?(\/.*:\d+)$/m.exec(stderr)?.[1];
  return where === undefined ? message : `${message} (at ${decodeURI(where)})`;
}
