// Lines of a stream of bytes, numbered from 1, in constant memory: a line that is too long or no UTF-8 is told by its
// number, and the next one is read as if nothing had happened.

import { isUtf8 } from 'node:buffer';

export interface Line {
  number: number;
  text: string;
  problem?: { code: string; detail: string };
}

export const LINE_BYTES_MAX = 64 * 1024;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Empty lines are left out, but counted. A byte order mark before the first line is dropped. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let number = 0;
  const end = (last: Buffer): Line | undefined => {
    number += 1;
    const tooLong = restBytes + last.length > LINE_BYTES_MAX;
    const whole = tooLong ? undefined : rest.length === 0 ? last : Buffer.concat([...rest, last]);
    rest = [];
    restBytes = 0;
    return whole === undefined ? problem(number, 'line_too_long', LONG) : lineOf(number, whole);
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      const line = end(chunk.subarray(from, at));
      if (line) lines.push(line);
      from = at + 1;
    }
    const last = chunk.subarray(from);
    // What is too long already isn't kept.
    if (restBytes <= LINE_BYTES_MAX && last.length > 0)
      rest.push(last.length > LINE_BYTES_MAX ? last.subarray(0, 0) : last);
    restBytes += last.length;
    if (lines.length > 0) yield lines;
  }
  const line = restBytes > 0 ? end(Buffer.alloc(0)) : undefined;
  if (line) yield [line];
}

const LONG = `the line has more than ${LINE_BYTES_MAX} bytes`;

function problem(number: number, code: string, detail: string): Line {
  return { number, text: '', problem: { code, detail } };
}

function lineOf(number: number, bytes: Buffer): Line | undefined {
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length;
  if (end === 0) return undefined;
  const line = bytes.subarray(0, end);
  if (!isUtf8(line)) return problem(number, 'bad_utf8', 'the line is not UTF-8');
  const text = line.toString('utf8');
  return { number, text: number === 1 ? text.replace(/^\ufeff/, '') : text };
}
