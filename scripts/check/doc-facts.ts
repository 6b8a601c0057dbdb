// Docs that can't lie: whatever a page quotes of the project (commands, options, settings, files, links, SQL names,
// HTTP calls) must exist, every setting must be documented with its true default, and the README stays short.

import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { type Page, readPage } from './doc-facts/page.ts';
import { type Facts, readFacts, untrueIn } from './doc-facts/rules.ts';
import { projectFiles } from './files.ts';
import type { Finding } from './finding.ts';

const README_LINES_MAX = 100;
const SETTINGS_PAGE = 'docs/operations.md';
// History tells what was true at its time.
const HISTORY = 'CHANGELOG.md';

/** What the pages say that is not so. */
export async function checkDocFacts(): Promise<Finding[]> {
  const files = projectFiles();
  const facts = await readFacts(files);
  const pages = new Map(files.filter((file) => file.endsWith('.md')).map((file) => [file, readPage(file)]));
  return [...pages.values()].flatMap((page) => [
    ...(page.file === HISTORY ? [] : checkCode(page, facts)),
    ...checkLinks(page, pages),
    ...(page.file === 'README.md' ? checkLength(page) : []),
    ...(page.file === SETTINGS_PAGE ? checkSettings(page, facts) : []),
  ]);
}

function checkCode({ file, code }: Page, facts: Facts): Finding[] {
  return code.flatMap((piece) => untrueIn(piece, facts).map((untrue) => ({ file, line: piece.line, ...untrue })));
}

function checkLinks({ file, links }: Page, pages: Map<string, Page>): Finding[] {
  return links.flatMap(({ line, target }) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const linked = path === '' ? file : normalize(join(dirname(file), path)).replaceAll('\\', '/');
    if (!existsSync(linked))
      return [{ file, line, problem: `the link ${target} leads nowhere`, remedy: 'correct the path' }];
    const page = pages.get(linked);
    if (anchor === undefined || !page || page.anchors.has(anchor)) return [];
    return [
      { file, line, problem: `${linked} has no heading #${anchor}`, remedy: `it has ${[...page.anchors].join(', ')}` },
    ];
  });
}

function checkLength({ file, lines }: Page): Finding[] {
  if (lines.length <= README_LINES_MAX) return [];
  return [
    {
      file,
      problem: `has ${lines.length} lines, ${README_LINES_MAX} at most`,
      remedy: 'move details to a page under docs/ and link it',
    },
  ];
}

/** Every setting has a row `| name | default | meaning |` with the default that the code has. */
function checkSettings({ file, lines }: Page, { settings }: Facts): Finding[] {
  const rows = new Map<string, { line: number; written: string }>();
  for (const [index, text] of lines.entries()) {
    const [, name = '', written = ''] = /^\| `(TEM_\w+)` \|\s*([^|]*?)\s*\|/.exec(text) ?? [];
    if (name !== '') rows.set(name, { line: index + 1, written: written.replaceAll('`', '').trim() });
  }
  return [...settings].flatMap(([name, value]) => {
    const row = rows.get(name);
    if (!row)
      return [{ file, problem: `${name} has no row`, remedy: 'add `| name | default | meaning |` to its table' }];
    if (value === undefined || row.written.replaceAll(',', '') === value) return [];
    const problem = `${name} has the default '${row.written}' here and '${value}' in src/config.ts`;
    return [{ file, line: row.line, problem, remedy: 'write the default that the code has' }];
  });
}
