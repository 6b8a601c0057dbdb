// CSV as people's programs write it. A quote only quotes at the begin of a field; one that is never closed costs its own
// line and no other: what follows it is read again from the next line on.

import type { Line } from './lines.ts';

/** A quoted field may go on over so many lines and characters. */
const QUOTED_LINES_MAX = 50;
const QUOTED_LENGTH_MAX = 32 * 1024;
const DELIMITERS = [',', ';', '\t'] as const;

export interface CsvRecord {
  /** Of its first line. */
  number: number;
  fields: string[];
  problem?: { code: string; detail: string };
}

/** The delimiter of a header line: the one that makes the most columns. */
export function delimiterOf(header: string): string {
  const [best] = DELIMITERS.map((delimiter) => ({ delimiter, columns: header.split(delimiter).length })).sort(
    (a, b) => b.columns - a.columns,
  );
  return best?.delimiter ?? ',';
}

export class CsvReader {
  readonly #delimiter: string;
  readonly #columns: number;
  /** Lines from the one on whose quoted field is open. */
  #open: Line[] = [];

  constructor(delimiter: string, columns: number) {
    this.#delimiter = delimiter;
    this.#columns = columns;
  }

  /** The records that are complete with these lines. */
  read(lines: readonly Line[]): CsvRecord[] {
    const records: CsvRecord[] = [];
    const queue = [...lines].reverse();
    for (let line = queue.pop(); line; line = queue.pop()) this.#take(line, records, queue);
    return records;
  }

  /** What is left when no line comes any more. */
  end(): CsvRecord[] {
    const records: CsvRecord[] = [];
    while (this.#open.length > 0) {
      const queue: Line[] = [];
      this.#giveUp(records, queue, NEVER_CLOSED);
      for (let line = queue.pop(); line; line = queue.pop()) this.#take(line, records, queue);
    }
    return records;
  }

  #take(line: Line, records: CsvRecord[], queue: Line[]): void {
    if (this.#open.length === 0) {
      if (line.problem) return void records.push({ number: line.number, fields: [], problem: line.problem });
      const parsed = parseRecord(line.text, this.#delimiter);
      if (parsed === 'open') this.#open = [line];
      else records.push(this.#record(line.number, parsed));
      return;
    }
    this.#open.push(line);
    const length = this.#open.reduce((sum, each) => sum + each.text.length + 1, 0);
    if (line.problem || this.#open.length > QUOTED_LINES_MAX || length > QUOTED_LENGTH_MAX)
      return void this.#giveUp(records, queue, NEVER_CLOSED);
    if (!line.text.includes('"')) return;
    const parsed = parseRecord(this.#open.map((each) => each.text).join('\n'), this.#delimiter);
    if (parsed === 'open') return;
    const record = this.#record((this.#open[0] as Line).number, parsed);
    if (record.problem) return void this.#giveUp(records, queue, record.problem);
    records.push(record);
    this.#open = [];
  }

  /** The first of the open lines is at fault; the others are read again. */
  #giveUp(records: CsvRecord[], queue: Line[], problem: { code: string; detail: string }): void {
    const [first, ...others] = this.#open;
    this.#open = [];
    if (first) records.push({ number: first.number, fields: [], problem });
    queue.push(...others.reverse());
  }

  #record(number: number, parsed: string[] | 'bad'): CsvRecord {
    if (parsed === 'bad') return { number, fields: [], problem: BAD_QUOTE };
    if (parsed.length === this.#columns) return { number, fields: parsed };
    const detail = `the line has ${parsed.length} fields, the header ${this.#columns}`;
    return { number, fields: [], problem: { code: 'wrong_field_count', detail } };
  }
}

const NEVER_CLOSED = { code: 'open_quote', detail: 'a quote opens a field and nothing closes it' };
const BAD_QUOTE = { code: 'bad_quote', detail: 'a quoted field goes on after its closing quote' };

/** The fields of one record, without the space around them; `open` when a quoted field isn't closed. */
function parseRecord(text: string, delimiter: string): string[] | 'open' | 'bad' {
  if (!text.includes('"')) return text.split(delimiter).map((field) => field.trim());
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let start = at;
    while (text[start] === ' ') start += 1;
    if (text[start] !== '"') {
      const end = text.indexOf(delimiter, at);
      fields.push(text.slice(at, end === -1 ? text.length : end).trim());
      if (end === -1) return fields;
      at = end + 1;
      continue;
    }
    let close = start + 1;
    for (;;) {
      close = text.indexOf('"', close);
      if (close === -1) return 'open';
      if (text[close + 1] !== '"') break;
      close += 2;
    }
    fields.push(text.slice(start + 1, close).replaceAll('""', '"'));
    let after = close + 1;
    while (text[after] === ' ') after += 1;
    if (after >= text.length) return fields;
    if (text[after] !== delimiter) return 'bad';
    at = after + 1;
  }
}
