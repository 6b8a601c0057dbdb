// Cells of a sheet, by the kind of their column. What can be copied is copied; the rest becomes a text and goes the long way.

import { textOf } from '../sources/rows.ts';
import type { Kind } from '../sources/source.ts';
import { type Output, tableOf } from './bytes.ts';
import { CELL_LETTERS_MAX, textCell } from './xlsx-parts.ts';

export const STYLE = { date: 1, timestamp: 2, header: 3 } as const;

const DIGITS_MAX = 15;
const DAY_MS = 86_400_000;
const DAY_SECONDS = 86_400;
const EPOCH_MS = Date.UTC(1899, 11, 30);
/** Before it the calendar of spreadsheets has a day that never was. */
const FIRST_DAY_MS = Date.UTC(1900, 2, 1);
const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const TRUE = 116;
// Letters that XML escapes, control characters, the _ of an escape of OOXML's, and what U+FFFE and U+FFFF begin with.
const SPECIAL = tableOf([...Array.from({ length: 32 }, (_, n) => n), ...Buffer.from('&<>"_'), 0xef]);
SPECIAL[9] = 0;
SPECIAL[10] = 0;

const NUMBER = [Buffer.from('<c><v>'), Buffer.from('</v></c>')] as const;
const TEXT = [Buffer.from('<c t="inlineStr"><is><t xml:space="preserve">'), Buffer.from('</t></is></c>')] as const;
const BOOLEANS = [Buffer.from('<c t="b"><v>0</v></c>'), Buffer.from('<c t="b"><v>1</v></c>')] as const;

type WriteCell = (output: Output, bytes: Uint8Array, from: number, to: number) => void;

export function cellWriter(kind: Kind, onCut: () => void): WriteCell {
  const asText: WriteCell = (output, bytes, from, to) => output.text(textCell(textOf(bytes, from, to), onCut));
  switch (kind) {
    case 'number':
      return (output, bytes, from, to) => {
        if (!isShortNumber(bytes, from, to) && !isNumber(textOf(bytes, from, to))) {
          return asText(output, bytes, from, to);
        }
        output.between(NUMBER, bytes, from, to);
      };
    case 'boolean':
      return (output, bytes, from) => output.add(BOOLEANS[bytes[from] === TRUE ? 1 : 0]);
    case 'date':
    case 'timestamp':
      return (output, bytes, from, to) => {
        const serial = serialOf(bytes, from, to);
        if (serial === undefined) return asText(output, bytes, from, to);
        output.text(`<c s="${STYLE[kind]}"><v>${serial}</v></c>`);
      };
    default:
      return (output, bytes, from, to) => {
        if (!isPlainText(bytes, from, to)) return asText(output, bytes, from, to);
        output.between(TEXT, bytes, from, to);
      };
  }
}

function isPlainText(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > CELL_LETTERS_MAX) return false;
  for (let n = from; n < to; n++) if (SPECIAL[bytes[n] as number] === 1) return false;
  return true;
}

function isShortNumber(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > DIGITS_MAX) return false;
  for (let n = from; n < to; n++) {
    const byte = bytes[n] as number;
    if (!isDigit(byte) && !(byte === POINT && n > from) && !(byte === MINUS && n === from)) return false;
  }
  return true;
}

/** Whether a double, of which a spreadsheet shows 15 digits, says the same. */
function isNumber(value: string): boolean {
  const match = /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(value);
  if (!match) return false;
  const digits = `${match[1]}${match[2] ?? ''}`.replace(/^0+/, '');
  const significant = match[2] === undefined ? digits.replace(/0+$/, '') : digits;
  return significant.length <= DIGITS_MAX && Math.abs(Number(match[3] ?? 0)) <= 300 && digits.length <= 300;
}

const DATE_BYTES = '2027-01-25'.length;
const TIME_BYTES = '2027-01-25 09:00:00'.length;

/** Days since the end of 1899 of the time as it is printed, in the report's zone; undefined for what a sheet has no day for. */
function serialOf(bytes: Uint8Array, from: number, to: number): string | undefined {
  const length = to - from;
  const isDate = length === DATE_BYTES || length >= TIME_BYTES;
  if (!isDate || bytes[from + 4] !== MINUS || bytes[from + 7] !== MINUS) return undefined;
  const part = (at: number, digits: number) => wholeOf(bytes, from + at, digits);
  const dayMs = Date.UTC(part(0, 4), part(5, 2) - 1, part(8, 2));
  // Also for what is no number.
  if (!(dayMs >= FIRST_DAY_MS)) return undefined;
  const day = (dayMs - EPOCH_MS) / DAY_MS;
  if (length === DATE_BYTES) return String(day);
  const fraction = fractionAtEnd(bytes, from + TIME_BYTES, to);
  const seconds = part(11, 2) * 3_600 + part(14, 2) * 60 + part(17, 2) + fraction;
  return Number.isNaN(seconds) ? undefined : String(Number((day + seconds / DAY_SECONDS).toFixed(10)));
}

/** NaN unless all of them are digits. */
function wholeOf(bytes: Uint8Array, from: number, digits: number): number {
  let whole = 0;
  for (let n = from; n < from + digits; n++) {
    if (!isDigit(bytes[n] as number)) return Number.NaN;
    whole = whole * 10 + (bytes[n] as number) - ZERO;
  }
  return whole;
}

/** Of a second, after which only an offset may come; NaN for anything else. */
function fractionAtEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  let fraction = 0;
  if (bytes[at] === POINT) {
    for (let scale = 0.1; isDigit(bytes[++at] as number) && at < to; scale /= 10) {
      fraction += ((bytes[at] as number) - ZERO) * scale;
    }
  }
  if (at < to && (bytes[at] === PLUS || bytes[at] === MINUS)) {
    at++;
    while (at < to && (isDigit(bytes[at] as number) || bytes[at] === COLON)) at++;
  }
  return at === to ? fraction : Number.NaN;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
