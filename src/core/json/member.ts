// What a JSON text says of one of its members, as it was written: a parsed number no longer has its digits, and a parsed
// object no longer says that a name came twice.

/** The text of a member of a valid JSON object's top level; undefined when it has none of this name. */
export function memberText(text: string, name: string): string | undefined {
  for (const member of members(text)) if (member.name === name) return text.slice(member.from, member.to);
  return undefined;
}

/** The JSON pointer of the first name that comes twice in one object of a valid JSON text. */
export function twinName(text: string): string | undefined {
  const names: (Set<string> | undefined)[] = [];
  const steps: (string | number)[] = [];
  let expectsName = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const end = stringEnd(text, at);
      if (expectsName) {
        const name: string = JSON.parse(text.slice(at, end));
        steps[steps.length - 1] = name;
        if (names.at(-1)?.has(name)) return pointerOf(steps);
        names.at(-1)?.add(name);
        expectsName = false;
      }
      at = end - 1;
    } else if (character === '{' || character === '[') {
      expectsName = character === '{';
      names.push(expectsName ? new Set() : undefined);
      steps.push(expectsName ? '' : 0);
    } else if (character === '}' || character === ']') {
      names.pop();
      steps.pop();
      expectsName = false;
    } else if (character === ',') {
      if (names.at(-1)) expectsName = true;
      else steps[steps.length - 1] = Number(steps.at(-1)) + 1;
    }
  }
  return undefined;
}

function pointerOf(steps: readonly (string | number)[]): string {
  return steps.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Of the top level: each name with where its value begins and ends. */
function* members(text: string): Generator<{ name: string; from: number; to: number }> {
  let depth = 0;
  let name: string | undefined;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '"') {
      const end = stringEnd(text, at);
      if (depth === 1 && name === undefined) name = JSON.parse(text.slice(at, end)) as string;
      at = end - 1;
    } else if (character === ':' && depth === 1) from = at + 1;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']' || (character === ',' && depth === 1)) {
      if (depth === 1 && name !== undefined) {
        yield { name, from, to: at };
        name = undefined;
      }
      if (character !== ',') depth -= 1;
    }
  }
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}
