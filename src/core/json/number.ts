// Whether a JSON number keeps its value when it becomes a double, which is what JavaScript makes of it. One that
// doesn't would be another number to the handler than to the sender (rule 17).

/** Decimal digits that every double keeps. */
export const SAFE_DIGITS = 15;
/** No double needs more significant digits to be told from its neighbours. */
const DIGITS_MAX = 17;
const ZERO = 0x30;

interface Decimal {
  /** Without zeros at either end; '' is zero. */
  digits: string;
  /** Power of ten of the last digit. */
  exponent: number;
}

/** True for 0.1, 1.0, 1e3 and 0.10; false for 1e400, 12345678901234567890 and 0.1234567890123456789012. */
export function survivesDouble(literal: string): boolean {
  const written = decimal(literal);
  if (written.digits === '') return true;
  if (written.digits.length > DIGITS_MAX) return false;
  const double = Number(literal);
  if (!Number.isFinite(double)) return false;
  const kept = decimal(String(double));
  return kept.digits === written.digits && kept.exponent === written.exponent;
}

function decimal(literal: string): Decimal {
  const [mantissa = '', power = '0'] = literal.split(/e/i);
  const unsigned = mantissa.startsWith('-') ? mantissa.slice(1) : mantissa;
  const point = unsigned.indexOf('.');
  const digits = point < 0 ? unsigned : unsigned.slice(0, point) + unsigned.slice(point + 1);
  // Loops, because a pattern such as /0+$/ takes quadratic time on hostile digits.
  let start = 0;
  let end = digits.length;
  while (end > start && digits.charCodeAt(end - 1) === ZERO) end -= 1;
  while (start < end && digits.charCodeAt(start) === ZERO) start += 1;
  const fraction = point < 0 ? 0 : unsigned.length - point - 1;
  return { digits: digits.slice(start, end), exponent: Number(power) - fraction + (digits.length - end) };
}
