// Reads JSON that came from outside, strictly: what is accepted here is what Postgres keeps and what a handler sees.
// The usual body costs one pass over its bytes and JSON.parse; only a suspicious one is looked at closely.

import { isUtf8 } from 'node:buffer';
import { type Flaw, findFlaws } from './flaws.ts';
import { scan } from './scan.ts';

/** Levels of arrays and objects in one body. */
export const DEPTH_MAX = 64;
/** Not even parsed: a few megabytes of brackets would become a few hundred megabytes of arrays. */
const PARSED_DEPTH_MAX = 1_000;

/** The text is no JSON that TEM reads. The message says why, without quoting the input. */
export class JsonRefused extends Error {
  override readonly name = 'JsonRefused';

  constructor(
    readonly code: Flaw['code'] | 'invalid_json' | 'invalid_utf8',
    /** JSON pointer; '' is the whole text. */
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

export interface JsonReading {
  value: unknown;
  /** Values that TEM can't keep as sent; at most one for each pair of first steps. */
  flaws: Flaw[];
}

/** Parses a body of UTF-8 bytes. Throws JsonRefused when it is not JSON at all; flaws of single values are returned. */
export function readJson(bytes: Buffer, depthMax: number = DEPTH_MAX): JsonReading {
  if (!isUtf8(bytes)) throw new JsonRefused('invalid_utf8', '', 'the body is not UTF-8');
  const { depth, suspect } = scan(bytes, PARSED_DEPTH_MAX);
  if (depth > PARSED_DEPTH_MAX) throw new JsonRefused('too_deep', '', 'the body is nested too deeply');
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new JsonRefused('invalid_json', '', `the body is not JSON${position((error as Error).message)}`);
  }
  return { value, flaws: suspect || depth > depthMax ? findFlaws(text, depthMax) : [] };
}

/** V8's message quotes the input; only the place is passed on. */
function position(message: string): string {
  const at = /position (\d+)/.exec(message)?.[1];
  return at === undefined ? '' : `: unexpected character at position ${at}`;
}
