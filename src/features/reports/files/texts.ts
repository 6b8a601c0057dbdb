// Texts that a program would take for a formula. Only columns of texts are looked at: a number is one by its type.

import type { Column } from '../sources/source.ts';

export const FORMULA_STARTS = '=+-@\t\r\n';
/** With a point or a comma, as people write signed numbers and telephone numbers. */
const PLAIN_NUMBER = /^[+-]?\d+([.,]\d+)*$/;

/** Whether a text must be written so that no spreadsheet runs it. */
export function isFormulaLike({ kind }: Column, value: string): boolean {
  return kind === 'text' && FORMULA_STARTS.includes(value.charAt(0)) && value !== '' && !PLAIN_NUMBER.test(value);
}

export function rowsInWords(rows: number): string {
  return rows.toLocaleString('en-US');
}

/** What a file and a mail say when there was more than they hold. */
export function moreInWords(rows: number): string {
  return `${rowsInWords(rows)} of more: the report ends at its limit of rows`;
}
