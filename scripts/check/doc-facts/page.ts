// A Markdown page, taken apart into what can be checked: prose, code with its line, links, headings.

import { readFileSync } from 'node:fs';

export interface Piece {
  line: number;
  text: string;
  /** Inline code, or the language of its block ('' when it names none). */
  kind: 'inline' | string;
}

export interface Page {
  file: string;
  lines: string[];
  code: Piece[];
  links: { line: number; target: string }[];
  anchors: Set<string>;
}

/** Reads a page. */
export function readPage(file: string): Page {
  const lines = readFileSync(file, 'utf8').replace(/\n$/, '').split('\n');
  const page: Page = { file, lines, code: [], links: [], anchors: new Set() };
  let block: string | undefined;
  for (const [index, text] of lines.entries()) {
    const line = index + 1;
    const fence = /^\s*```(\w*)/.exec(text);
    if (fence) block = block === undefined ? (fence[1] ?? '') : undefined;
    else if (block !== undefined) page.code.push({ line, text, kind: block });
    else readProse(page, line, text);
  }
  return page;
}

function readProse(page: Page, line: number, text: string): void {
  const heading = /^#+\s+(.*)$/.exec(text)?.[1];
  if (heading) page.anchors.add(slug(heading));
  for (const [, code = ''] of text.matchAll(/`([^`]+)`/g)) page.code.push({ line, text: code, kind: 'inline' });
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) page.links.push({ line, target });
}

/** The anchor that GitHub makes of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}
