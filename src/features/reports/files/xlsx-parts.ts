// The XML of a workbook: the parts around the rows, and texts as OOXML writes them, which is XML 1.0 with an escape of its
// own for the letters that XML has none for.

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
const SHEET_NAME_MAX = 31;
// biome-ignore lint/suspicious/noControlCharactersInRegex: XML has none of them
const NOT_IN_SHEET_NAMES = /[\x00-\x1f\x7f[\]:*?/\\\ufffe\uffff]+/g;

/** UTF-16 units, as a spreadsheet counts. */
export const CELL_LETTERS_MAX = 32_767;

export const RELATIONSHIPS = `${HEAD}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`;

export const WORKBOOK_RELATIONSHIPS = (hasNotes: boolean): string =>
  `${HEAD}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${OFFICE}/styles" Target="styles.xml"/>${
    hasNotes ? `<Relationship Id="rId3" Type="${OFFICE}/worksheet" Target="worksheets/sheet2.xml"/>` : ''
  }</Relationships>`;

/** 0 as it is, 1 a date, 2 a date with its time, 3 a header. */
export const STYLES = `${HEAD}<styleSheet xmlns="${MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/><numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs></styleSheet>`;

export function contentTypes(hasNotes: boolean): string {
  const part = (name: string, type: string) => `<Override PartName="/xl/${name}" ContentType="${TYPE}.${type}+xml"/>`;
  return `${HEAD}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>${part('workbook.xml', 'sheet.main')}${part('worksheets/sheet1.xml', 'worksheet')}${hasNotes ? part('worksheets/sheet2.xml', 'worksheet') : ''}${part('styles.xml', 'styles')}</Types>`;
}

export function workbook(title: string, hasNotes: boolean): string {
  const notes = hasNotes ? '<sheet name="TEM notes" sheetId="2" r:id="rId3"/>' : '';
  return `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="${escapeXml(sheetName(title))}" sheetId="1" r:id="rId1"/>${notes}</sheets></workbook>`;
}

/** As a spreadsheet takes it: at most 31 letters, none of []:*?/\, no quote at its ends, not its own name for changes. */
export function sheetName(title: string): string {
  const plain = wellFormed(title).replace(NOT_IN_SHEET_NAMES, ' ').replace(/\s+/g, ' ').trim();
  const name = cutAt(plain, SHEET_NAME_MAX)
    .replace(/^'+|'+$/g, '')
    .trim();
  return name === '' || /^(history|tem notes)$/i.test(name) ? 'Report' : name;
}

export function sheetStart(widths: readonly number[], { frozen = true } = {}): string {
  const pane = frozen ? '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' : '';
  const columns = widths.map((width, n) => `<col min="${n + 1}" max="${n + 1}" width="${width}" customWidth="1"/>`);
  const cols = columns.length === 0 ? '' : `<cols>${columns.join('')}</cols>`;
  return `${HEAD}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0">${pane}</sheetView></sheetViews>${cols}<sheetData>`;
}

export function sheetEnd(): string {
  return '</sheetData></worksheet>';
}

export function textCell(text: string, onCut: () => void, style = 0): string {
  let value = text;
  if (text.length > CELL_LETTERS_MAX) {
    value = cutAt(text, CELL_LETTERS_MAX);
    onCut();
  }
  const s = style === 0 ? '' : ` s="${style}"`;
  return `<c t="inlineStr"${s}><is><t xml:space="preserve">${escapeCell(value)}</t></is></c>`;
}

/** Never between the halves of a letter. */
function cutAt(text: string, units: number): string {
  const cut = text.slice(0, units);
  return text.length > units && /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
const SPECIAL = /[&<>"\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]|_(?=x[0-9A-Fa-f]{4}_)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
const ESCAPED = /[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)/g;

function escapeCell(text: string): string {
  if (!SPECIAL.test(text)) return text;
  return escapeXml(
    wellFormed(text).replace(
      ESCAPED,
      (letter) => `_x${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`,
    ),
  );
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Halves of letters become the mark for what can't be shown. */
function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, (found) =>
    found.length === 2 ? found : '\ufffd',
  );
}
