// JSON as pages really hold it: raw newlines in strings, `};` at the end, CDATA marks, several values in one block. Each
// value of a block is found by its brackets, so that one that is broken spoils none of the others.

const VALUES_MAX = 50;
const SCANNED_PER_CHARACTER_MAX = 6;

/** The JSON values of a script's text that can be read, in their order. Entities in a script are literal (HTML). */
export function readJsonBlocks(text: string): unknown[] {
  const values: unknown[] = [];
  let from = 0;
  // What begins inside of a broken value may still be whole; looking there again and again would take quadratic time.
  let left = SCANNED_PER_CHARACTER_MAX * text.length;
  while (values.length < VALUES_MAX && left > 0) {
    const start = nextOpening(text, from);
    if (start === -1) break;
    const { end, json } = scanValue(text, start);
    left -= end - start;
    const value = json === undefined ? undefined : parse(json);
    if (value !== undefined) values.push(value);
    from = value === undefined ? start + 1 : end;
  }
  return values;
}

function nextOpening(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '{') return at;
    // `<![CDATA[` and `]]>` are marks, not arrays.
    if (char === '[' && !/CDATA$/.test(text.slice(Math.max(0, at - 5), at)) && text[at - 1] !== '!') return at;
  }
  return -1;
}

/** The balanced value from an opening on, control characters in its strings escaped. */
function scanValue(text: string, start: number): { end: number; json: string | undefined } {
  let depth = 0;
  let inString = false;
  let written = '';
  let copied = start;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at] as string;
    if (inString) {
      if (char === '\\') at += 1;
      else if (char === '"') inString = false;
      else if (char < ' ') {
        written += text.slice(copied, at) + (JSON.stringify(char) as string).slice(1, -1);
        copied = at + 1;
      }
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0) return { end: at + 1, json: written + text.slice(copied, at + 1) };
    }
  }
  return { end: text.length, json: undefined };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // A comma before a closing bracket is the commonest slip of templates.
    try {
      return JSON.parse(json.replace(/,(\s*[}\]])/g, '$1'));
    } catch {
      return undefined;
    }
  }
}
