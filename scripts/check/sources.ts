// House rules that no linter knows: what a file must begin with, which words and names it must not hold.

import { readFileSync } from 'node:fs';
import { projectFiles } from './files.ts';
import type { Finding } from './finding.ts';

const TEXT = /\.(ts|cjs|mjs|js|json|sql|md|ya?ml|html|css|sh)$|^(bin\/tem|\.ci\/run|Dockerfile|\.npmrc)$/;
const NAMES_OTHERS_FILES = ['package-lock.json', 'LICENSE'];

const FORBIDDEN: readonly { pattern: RegExp; problem: string; remedy: string; allowed?: RegExp }[] = [
  {
    pattern: /\b(TO)DO\b|\b(FIX)ME\b|\bX{3}\b/,
    problem: 'a note to do something later',
    remedy: 'do it now, or leave it out and write down in docs/ what is missing',
  },
  {
    pattern: /(?<![\w.~}])\/(?:home|root|Users|work|opt|tmp)\/[\w.-]/,
    problem: 'a path of one machine',
    remedy: 'take folders from the configuration, os.tmpdir() or import.meta.url',
    // Inside a container image the layout is ours.
    allowed: /^(Dockerfile|docker-compose\.yml)$/,
  },
  {
    pattern: /https?:\/\/(?:registry|npm|pypi|goproxy|proxy)\.[\w.-]+/,
    problem: 'the address of a package registry',
    remedy: 'leave it out: each machine has its own',
  },
  {
    pattern: /\b(?:it|test|describe)\.(?:skip|only|todo)\b/,
    problem: 'a test that is skipped or runs alone',
    remedy: 'mend the test, or delete it with the reason in the commit',
    allowed: /\.md$/,
  },
  {
    pattern: /\bvi\.(?:mock|stubGlobal|spyOn)\(/,
    problem: 'a mock of our own component',
    remedy: 'use the real one: Postgres and Temporal are there in every test (test/support)',
    allowed: /\.md$/,
  },
];

const VAGUE_NAME = /(?:^|\/)(?:utils?|helpers?|managers?|common|misc|shared)(?:\/|\.\w+$)/;

/** What in the project's own files breaks a house rule. */
export function checkSources(): Finding[] {
  return projectFiles()
    .filter(
      (file) => TEXT.test(file) && !NAMES_OTHERS_FILES.includes(file) && !file.startsWith('scripts/check/sources'),
    )
    .flatMap((file) => checkFile(file, readFileSync(file, 'utf8')));
}

function checkFile(file: string, text: string): Finding[] {
  const findings: Finding[] = [];
  if (VAGUE_NAME.test(file)) {
    findings.push({
      file,
      problem: 'a name that says nothing',
      remedy: 'name the file after the one thing that it owns',
    });
  }
  if (/^(src|test|bench|scripts|examples)\/.*\.ts$/.test(file) && !/^(#!.*\n)?(\/\/|\/\*)/.test(text)) {
    findings.push({
      file,
      line: 1,
      problem: 'no opening words',
      remedy: 'open with one to four sentences: what the file owns and which rule it keeps',
    });
  }
  for (const [index, line] of text.split('\n').entries()) {
    for (const { pattern, problem, remedy, allowed } of FORBIDDEN) {
      const match = pattern.exec(line);
      if (match && !allowed?.test(file))
        findings.push({ file, line: index + 1, problem: `${problem}: ${match[0]}`, remedy });
    }
  }
  return findings;
}
