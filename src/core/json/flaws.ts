// The careful pass over a JSON text that a quick scan found suspicious: names every value that TEM can't keep as it was
// sent, with its JSON pointer. Works on the text, because a parsed number no longer says how it was written.

import { SAFE_DIGITS, survivesDouble } from './number.ts';

export type FlawCode = 'too_deep' | 'number_not_exact' | 'nul_character' | 'lone_surrogate' | 'prototype_key';

export interface Flaw {
  code: FlawCode;
  /** JSON pointer to the value, or to the member whose name is the flaw. */
  path: string;
  /** Its first two steps, to tell which element of a batch it concerns. */
  steps: [string | number | undefined, string | number | undefined];
  detail: string;
}

const DETAILS: Record<FlawCode, string> = {
  too_deep: 'is nested too deeply',
  number_not_exact: 'is a number that a double does not hold exactly; send it as a string',
  nul_character: 'holds the character NUL, which Postgres does not store',
  lone_surrogate: 'holds half of a surrogate pair',
  prototype_key: 'is a name that JavaScript treats as a prototype',
};
const PATH_LENGTH_MAX = 1_000;

interface Level {
  object: boolean;
  /** Where the walk is: the member's name or the element's index. */
  step: string | number;
}

/** The flaws of a valid JSON text in order, at most one for each pair of first steps (each element of a batch). */
export function findFlaws(text: string, depthMax: number): Flaw[] {
  const found = new Map<string, Flaw>();
  const levels: Level[] = [];
  const report = (code: FlawCode): void => {
    const [first, second] = [levels[0]?.step, levels[1]?.step];
    const scope = JSON.stringify([first, second]);
    if (found.has(scope)) return;
    found.set(scope, {
      code,
      path: pointer(levels.map((level) => level.step)),
      steps: [first, second],
      detail: DETAILS[code],
    });
  };
  let expectsName = false;
  let at = 0;
  while (at < text.length) {
    const character = text[at] as string;
    const level = levels.at(-1);
    if (character === '"') {
      const end = stringEnd(text, at);
      const value: string = JSON.parse(text.slice(at, end));
      if (level && expectsName) {
        level.step = value;
        expectsName = false;
        if (isPrototypeName(levels)) report('prototype_key');
      }
      if (value.includes('\0')) report('nul_character');
      if (/\p{Surrogate}/u.test(value)) report('lone_surrogate');
      at = end;
      continue;
    }
    if (character === '-' || (character >= '0' && character <= '9')) {
      const end = numberEnd(text, at);
      if (end - at > SAFE_DIGITS || /e/i.test(text.slice(at, end))) {
        if (!survivesDouble(text.slice(at, end))) report('number_not_exact');
      }
      at = end;
      continue;
    }
    if (character === '{' || character === '[') {
      if (levels.length === depthMax) report('too_deep');
      expectsName = character === '{';
      levels.push({ object: expectsName, step: expectsName ? '' : 0 });
    } else if (character === '}' || character === ']') {
      levels.pop();
      expectsName = false;
    } else if (character === ',' && level) {
      if (level.object) expectsName = true;
      else level.step = (level.step as number) + 1;
    }
    at += 1;
  }
  return [...found.values()];
}

function isPrototypeName(levels: Level[]): boolean {
  const step = levels.at(-1)?.step;
  if (step === '__proto__') return true;
  const parent = levels.at(-2);
  return step === 'prototype' && parent?.object === true && parent.step === 'constructor';
}

/** A JSON pointer (RFC 6901), cut when it is absurdly long, without half surrogates. */
export function pointer(steps: readonly (string | number)[]): string {
  const path = steps.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  const whole = path.length <= PATH_LENGTH_MAX ? path : `${path.slice(0, PATH_LENGTH_MAX)}...`;
  return whole.replace(/\p{Surrogate}/gu, '\ufffd');
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === 0x5c) at += 1;
  }
  return text.length;
}

function numberEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && /[-+.0-9eE]/.test(text[at] as string)) at += 1;
  return at;
}
