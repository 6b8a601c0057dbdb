// How a setting's text becomes a value. A wrong one is noted under its name, so that all problems are told at once.

import { milliseconds } from './core/duration.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The process can't start as it is set; each line of the message is one problem, `NAME: what is wrong`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface SettingsReader {
  /** One line for each setting that is wrong, `NAME: what is wrong`. */
  problems: string[];
  /** The text without space around it; undefined when it is empty. */
  text(name: string): string | undefined;
  /** Items between commas or spaces, or between matches of `separator`. */
  list(name: string, separator?: RegExp): string[];
  /** The value, or the fallback when it isn't set or `parse` throws. */
  parsed<Value>(name: string, fallback: Value, parse: (text: string) => Value): Value;
  /** The items of a list that `check` doesn't throw for. */
  each(name: string, check: (item: string) => unknown): string[];
  /** The settings that are there of a family such as `TEM_SOURCE_<NAME>`: their names by the lower-case `<NAME>`. */
  family(pattern: string): Record<string, string>;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

export function readSettings(environment: Environment): SettingsReader {
  const problems: string[] = [];
  const text = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const list = (name: string, separator = /[\s,]+/): string[] =>
    (text(name) ?? '').split(separator).filter((item) => item !== '');
  const noted = <Value>(name: string, fallback: Value, run: () => Value): Value => {
    try {
      return run();
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
      return fallback;
    }
  };
  return {
    problems,
    text,
    list,
    parsed(name, fallback, parse) {
      const value = text(name);
      return value === undefined ? fallback : noted(name, fallback, () => parse(value));
    },
    each: (name, check) => list(name).filter((item) => noted(name, false, () => check(item) !== null)),
    family: (pattern) =>
      Object.fromEntries(
        Object.keys(environment).flatMap((name) => {
          const member = memberOf(pattern, name);
          return member === undefined || text(name) === undefined ? [] : [[member, name]];
        }),
      ),
  };
}

const FAMILY = '<NAME>';

/** The lower-case `<NAME>` of a setting that belongs to a family; undefined for any other. */
function memberOf(pattern: string, name: string): string | undefined {
  const prefix = pattern.slice(0, -FAMILY.length);
  const isFamily = pattern.endsWith(FAMILY) && name.startsWith(prefix);
  const member = isFamily ? name.slice(prefix.length) : '';
  return /^[A-Z0-9_]+$/.test(member) ? member.toLowerCase() : undefined;
}

/** Whether a name is one of these settings, or belongs to one of their families. */
export function isSetting(help: Readonly<Record<string, string>>, name: string): boolean {
  return Object.hasOwn(help, name) || Object.keys(help).some((pattern) => memberOf(pattern, name) !== undefined);
}

export function whole(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < minimum || number > maximum) {
      throw new RangeError(`must be a whole number from ${minimum} to ${maximum}, not '${text}'`);
    }
    return number;
  };
}

export function onOff(text: string): boolean {
  if (/^(on|true|1)$/i.test(text)) return true;
  if (/^(off|false|0)$/i.test(text)) return false;
  throw new RangeError(`must be on or off, not '${text}'`);
}

export function logLevel(text: string): string {
  if (!LOG_LEVELS.includes(text)) throw new RangeError(`must be one of ${LOG_LEVELS.join(', ')}, not '${text}'`);
  return text;
}

export function postgresUrl(text: string): string {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new RangeError('must be a URL such as postgres://user:password@host:5432/database');
  }
  return text;
}

/** Without a slash at its end. */
export function httpUrl(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new RangeError(`must be a URL such as http://127.0.0.1:3000, not '${text}'`);
  }
  return text.replace(/\/+$/, '');
}

export function atLeastMs(minimumMs: number, minimum: string): (text: string) => number {
  return (text) => {
    const value = milliseconds(text);
    if (value < minimumMs) throw new RangeError(`must be at least ${minimum}, not '${text}'`);
    return value;
  };
}

/** A duration from `minimum` to `maximum`, both such as 30m. */
export function betweenMs(minimum: string, maximum: string): (text: string) => number {
  return (text) => {
    const value = milliseconds(text);
    if (value < milliseconds(minimum) || value > milliseconds(maximum)) {
      throw new RangeError(`must be from ${minimum} to ${maximum}, not '${text}'`);
    }
    return value;
  };
}

export function atLeastOne(items: string[]): string[] {
  if (items.length === 0) throw new RangeError('names nothing');
  return items;
}

/** A key that fits into an Authorization header. */
export function apiKey(minimum: number): (text: string) => string {
  return (text) => {
    if (!/^[\x21-\x7e]+$/.test(text)) throw new RangeError('must be ASCII without spaces, to fit into a header');
    return atLeastBytes(minimum)(text);
  };
}

export function atLeastBytes(minimum: number): (text: string) => string {
  return (text) => {
    if (Buffer.byteLength(text) < minimum) {
      throw new RangeError(`must have at least ${minimum} bytes, unless the API listens on loopback only`);
    }
    return text;
  };
}

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
}

/** The IANA name of a time zone. */
export function timeZone(text: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new RangeError(`'${text}' is no time zone; write it as Europe/Istanbul or UTC`);
  }
}
