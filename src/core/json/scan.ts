// One cheap pass over the bytes of a JSON text, before it is parsed: how deep it nests, and whether anything in it
// deserves a closer look (src/core/json/flaws.ts). It judges no syntax; that is the parser's work.

import { SAFE_DIGITS, survivesDouble } from './number.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;
const UNDERSCORE = 0x5f;
const ZERO = 0x30;
const NINE = 0x39;
/** The length of `__proto__` and of `prototype`. */
const PROTOTYPE_KEY_LENGTH = 9;

export interface Scan {
  /** Levels of arrays and objects; the scan stops where `depthMax` is passed. */
  depth: number;
  /** Holds a NUL, a lone surrogate, a number that no double keeps, or a string that may be a prototype key. */
  suspect: boolean;
}

export function scan(bytes: Uint8Array, depthMax: number): Scan {
  const result: Scan = { depth: 0, suspect: false };
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      at = scanString(bytes, at + 1, result);
    } else if (byte >= ZERO && byte <= NINE) {
      at = scanNumber(bytes, at, result);
    } else if ((byte | 0x20) === 0x7b) {
      // [ and { differ in one bit, and so do ] and }.
      depth += 1;
      if (depth > result.depth) {
        result.depth = depth;
        if (depth > depthMax) return result;
      }
    } else if ((byte | 0x20) === 0x7d) {
      depth -= 1;
    }
  }
  return result;
}

/** From the byte after the opening quote to the closing quote. */
function scanString(bytes: Uint8Array, start: number, result: Scan): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) break;
    if (byte !== BACKSLASH) continue;
    at += 1;
    if (bytes[at] !== LOWER_U) continue;
    const unit = hex4(bytes, at + 1);
    at += 4;
    // A printable ASCII letter has no need of an escape: it may hide a prototype key.
    if (unit === 0 || (unit >= 0x20 && unit < 0x7f)) result.suspect = true;
    else if (unit >= 0xdc00 && unit <= 0xdfff) result.suspect = true;
    else if (unit >= 0xd800 && unit <= 0xdbff) {
      const low = bytes[at + 1] === BACKSLASH && bytes[at + 2] === LOWER_U ? hex4(bytes, at + 3) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) at += 6;
      else result.suspect = true;
    }
  }
  if (at - start === PROTOTYPE_KEY_LENGTH && !result.suspect) {
    const first = bytes[start];
    if ((first === UNDERSCORE && bytes[at - 1] === UNDERSCORE) || (first === 0x70 && bytes[at - 1] === 0x65)) {
      result.suspect = true;
    }
  }
  return at;
}

/** Four hexadecimal digits; -1 when they aren't (the parser will say so). */
function hex4(bytes: Uint8Array, start: number): number {
  let value = 0;
  for (let at = start; at < start + 4; at += 1) {
    const byte = bytes[at] ?? 0;
    const lower = byte | 0x20;
    if (byte >= ZERO && byte <= NINE) value = value * 16 + byte - ZERO;
    else if (lower >= 0x61 && lower <= 0x66) value = value * 16 + lower - 0x57;
    else return -1;
  }
  return value;
}

/** From a number's first digit to its last byte. */
function scanNumber(bytes: Uint8Array, start: number, result: Scan): number {
  let at = start;
  let exponent = false;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte >= ZERO && byte <= NINE) continue;
    if ((byte | 0x20) === 0x65) exponent = true;
    else if (byte !== 0x2e && byte !== 0x2b && byte !== 0x2d) break;
  }
  if ((exponent || at - start > SAFE_DIGITS) && !result.suspect) {
    result.suspect = !survivesDouble(
      Buffer.from(bytes.buffer, bytes.byteOffset + start, at - start).toString('latin1'),
    );
  }
  return at - 1;
}
