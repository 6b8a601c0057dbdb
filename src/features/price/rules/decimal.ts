// Prices as exact decimals in text, never as floating point numbers. Trailing zeros are kept as they were written, and a
// fraction has two digits at least, so that 2879.2 and 2879.20 look like the one price that they are.

const DECIMAL = /^(\d+)(?:\.(\d+))?$/;
const WHOLE_DIGITS_MAX = 15;
const FRACTION_DIGITS_MAX = 6;
/** A double keeps so many significant digits whatever they are; beyond it JSON has already rounded. */
const DOUBLE_DIGITS = 15;

/** The decimal in TEM's spelling; undefined for what is none, negative or longer than any price. */
export function decimal(text: string): string | undefined {
  const [, whole = '', fraction = ''] = DECIMAL.exec(text) ?? [];
  if (whole === '' || fraction.length > FRACTION_DIGITS_MAX) return undefined;
  const digits = whole.replace(/^0+(?=\d)/, '');
  if (digits.length > WHOLE_DIGITS_MAX) return undefined;
  return fraction === '' ? digits : `${digits}.${fraction.padEnd(2, '0')}`;
}

/** The decimal of a JSON number; undefined when it is none, negative, or has more digits than a double keeps. */
export function decimalOfNumber(value: number): string | undefined {
  if (!Number.isFinite(value) || value < 0) return undefined;
  // The shortest text that gives this double back: the one that was written, as long as it had 15 digits at most.
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  if ((whole + fraction).replace(/^0+/, '').replace(/0+$/, '').length > DOUBLE_DIGITS) return undefined;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point > WHOLE_DIGITS_MAX + FRACTION_DIGITS_MAX || point < -FRACTION_DIGITS_MAX) return undefined;
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0');
  const at = Math.max(point, 1);
  return decimal(padded.length > at ? `${padded.slice(0, at)}.${padded.slice(at)}` : padded);
}

export function isZero(price: string): boolean {
  return /^[0.]+$/.test(price);
}

/** Whether two decimals are the same number, however many zeros they end with. */
export function sameDecimal(one: string, other: string): boolean {
  const bare = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  return bare(one) === bare(other);
}
