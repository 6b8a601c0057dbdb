// The facts in documentation that the project itself can confirm. Each rule takes one piece of code from a page and
// says what in it doesn't exist.

import { existsSync, readFileSync } from 'node:fs';
import { type Offer, readOffer } from './commands.ts';
import type { Piece } from './page.ts';
import { projectSettings } from './settings.ts';

export interface Untrue {
  problem: string;
  remedy: string;
}

/** Everything that the rules compare with, read once. */
export interface Facts {
  files: readonly string[];
  scripts: ReadonlySet<string>;
  settings: ReadonlyMap<string, string | undefined>;
  sqlNames: ReadonlySet<string>;
  source: string;
  tests: string;
  tem: Offer;
}

const SQL_OBJECT =
  /create (?:or replace )?(?:unique )?(?:table|function|sequence|view|materialized view|type|procedure) (?:if not exists )?tem\.(\w+)/gi;
/** What a session may say of itself. */
const SQL_SETTING = /current_setting\('tem\.(\w+)'/g;
const OUR_PATH = /^(?:\.\/)?((?:src|docs|test|bench|scripts|migrations|examples|bin|\.ci)(?:\/[\w.*<>-]+)+)\/?$/;
const ROOT_FILE =
  /^([A-Z][A-Za-z_-]*\.md|package(?:-lock)?\.json|tsconfig[\w.]*\.json|biome\.json|docker-compose\.yml)$/;
const COMMAND = /(?:^|[|;&(]|\$)\s*(?:[A-Z_]+=\S+\s+)*(?:bin\/tem|npx tem|tem)\s+(?<words>[^|;&#)]*)/g;
const HTTP_CALL =
  /\b(?:GET|POST|PUT|DELETE|WS) (?<path>\/[\w/{}.:-]*)|https?:\/\/(?:localhost|127\.0\.0\.1):\d+(?<address>\/[\w/{}.-]+)/g;

/** Reads the facts of the project whose files are given. */
export async function readFacts(files: readonly string[]): Promise<Facts> {
  const text = (pattern: RegExp) =>
    files
      .filter((file) => pattern.test(file))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const sql = text(/^migrations\/.*\.sql$/);
  const sqlNames = [SQL_OBJECT, SQL_SETTING].flatMap((names) =>
    [...sql.matchAll(names)].map(([, name = '']) => name.toLowerCase()),
  );
  return {
    files,
    scripts: new Set(Object.keys(scripts)),
    settings: projectSettings(),
    sqlNames: new Set(sqlNames),
    source: text(/^src\/.*\.ts$/),
    tests: text(/^test\/.*\.ts$/),
    tem: await readOffer(),
  };
}

/** What in a piece of code is not so. */
export function untrueIn(piece: Piece, facts: Facts): Untrue[] {
  return [npmScripts, settings, paths, sqlNames, commands, httpCalls].flatMap((rule) => rule(piece, facts));
}

function npmScripts({ text }: Piece, { scripts }: Facts): Untrue[] {
  return [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)]
    .map(([, named, short]) => named ?? short ?? '')
    .filter((script) => !scripts.has(script))
    .map((script) => ({ problem: `there is no npm script '${script}'`, remedy: 'see the scripts of package.json' }));
}

function settings({ text }: Piece, { settings: known, source, tests }: Facts): Untrue[] {
  return (
    [...text.matchAll(/\bTEM_[A-Z0-9_]+\b/g)]
      .map(([name]) => name)
      .filter((name) => !known.has(name) && !/^TEM_WEBHOOK_SECRET_\w*$/.test(name))
      // Of the tests.
      .filter((name) => !name.startsWith('TEM_TEST_') || !tests.includes(name))
      // Of a family, such as TEM_SEARCH_URL_<NAME>.
      .filter((name) => !source.includes(`${name}<NAME>`))
      .map((name) => ({ problem: `there is no setting ${name}`, remedy: 'see src/config.ts for the settings' }))
  );
}

function paths({ text, kind }: Piece, { files }: Facts): Untrue[] {
  const path = kind === 'inline' ? (OUR_PATH.exec(text)?.[1] ?? ROOT_FILE.exec(text)?.[1]) : undefined;
  if (path === undefined) return [];
  const pattern = path
    .replace(/\/$/, '')
    .replaceAll('.', '\\.')
    .replaceAll('**', '.+')
    .replaceAll(/(?<!\.)\*|<[\w-]+>/g, '[^/]+');
  const shape = new RegExp(`^(?:docs/)?${pattern}(?:/|$)`);
  const exists = existsSync(path) || files.some((file) => shape.test(file));
  return exists
    ? []
    : [{ problem: `there is no ${path}`, remedy: 'correct the path; write <name> where it stands for any name' }];
}

function sqlNames({ text, kind }: Piece, { sqlNames: known }: Facts): Untrue[] {
  if (kind !== 'inline' && kind !== 'sql') return [];
  return [...text.matchAll(/(?<![\w/.-])tem\.([a-z_]\w*)\b(?![.<])/g)]
    .map(([, name = '']) => name)
    .filter((name) => !known.has(name.toLowerCase()))
    .map((name) => ({
      problem: `the schema tem has no ${name}`,
      remedy: 'see migrations/ for its tables and functions',
    }));
}

function commands({ text, kind }: Piece, { tem }: Facts): Untrue[] {
  if (!['inline', 'sh', 'bash', 'shell', 'console', ''].includes(kind)) return [];
  return [...text.matchAll(COMMAND)].flatMap(({ groups }) => untrueCommand(groups?.['words'] ?? '', tem));
}

function untrueCommand(text: string, tem: Offer): Untrue[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const path: string[] = [];
  let offer = tem;
  for (const word of words) {
    const below = offer.commands.get(word);
    if (!below) break;
    path.push(word);
    offer = below;
  }
  const next = words[path.length];
  if (next !== undefined && /^[a-z-]+$/.test(next) && !next.startsWith('-') && offer.commands.size > 0) {
    return [
      { problem: `tem ${path.join(' ')} has no command '${next}'`, remedy: `see \`tem ${path.join(' ')} --help\`` },
    ];
  }
  return words
    .filter((word) => /^--?[a-z][a-z-]*(?:=.*)?$/.test(word))
    .map((word) => word.replace(/=.*/, ''))
    .filter((option) => !offer.options.has(option))
    .map((option) => ({
      problem: `tem ${path.join(' ')} has no option ${option}`,
      remedy: `see \`tem ${path.join(' ')} --help\``,
    }));
}

function httpCalls({ text }: Piece, { source }: Facts): Untrue[] {
  return [...text.matchAll(HTTP_CALL)]
    .map(({ groups }) => (groups?.['path'] ?? groups?.['address'] ?? '').replace(/[.:]$/, ''))
    .filter((path) => path.length > 1 && !isRoute(path, source))
    .map((path) => ({ problem: `the API has no ${path}`, remedy: 'see GET /docs of a running API for its calls' }));
}

function isRoute(path: string, source: string): boolean {
  const spelt = path.replaceAll(/\{(\w+)\}/g, ':$1');
  const route = spelt.replaceAll(/[.*+?^$()[\]\\]/g, '\\$&').replaceAll(/:\w+/g, ':\\w+');
  return new RegExp(`'${route}/?'`).test(source);
}
