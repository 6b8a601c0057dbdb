// A table of rows as HTML: the whole file of a report of format html, and the first rows in every mail.

import type { Row } from '../sources/rows.ts';
import type { Column } from '../sources/source.ts';
import { moreInWords } from './texts.ts';

const CELL = 'border:1px solid #ccc;padding:2px 6px;text-align:';

export function escapeHtml(text: string): string {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: no HTML may have them
      .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '\ufffd')
  );
}

export function htmlTable(columns: readonly Column[], rows: readonly Row[]): string {
  const align = columns.map(({ kind }) => (kind === 'number' ? 'right' : 'left'));
  const cells = (tag: 'th' | 'td', values: readonly (string | null)[]) =>
    values.map((value, n) => `<${tag} style="${CELL}${align[n]}">${escapeHtml(value ?? '')}</${tag}>`).join('');
  const head = cells(
    'th',
    columns.map(({ name }) => name),
  );
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n');
  return `<table style="border-collapse:collapse"><thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody></table>`;
}

export function htmlPage(title: string, body: string): string {
  return `<!doctype html>\n<html><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>\n<body>\n${body}\n</body></html>\n`;
}

/** The file of a report whose rows are few enough for a mail. */
export function htmlFile(
  title: string,
  columns: readonly Column[],
  { first, rows, more }: { first: readonly Row[]; rows: number; more: boolean },
): Buffer {
  const said = more ? `\n<p>${escapeHtml(moreInWords(rows))}</p>` : '';
  return Buffer.from(htmlPage(title, `<h1>${escapeHtml(title)}</h1>\n${htmlTable(columns, first)}${said}`));
}
