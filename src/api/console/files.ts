// The console's files in memory, each compressed once: as the package ships them, else built from the sources beside it.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { BuiltConsole } from './build.ts';

export interface ServedFile {
  type: string;
  plain: Buffer;
  gzip: Buffer;
  br: Buffer;
}

export interface ConsoleFiles extends Omit<BuiltConsole, 'files'> {
  /** By name. */
  files: ReadonlyMap<string, ServedFile>;
}

/** What `npm run build` writes beside the files: which of them the page names. */
const INDEX_FILE = 'index.json';
const SHIPPED = fileURLToPath(new URL('../../console-files', import.meta.url));
const SOURCES = fileURLToPath(new URL('../../../console', import.meta.url));
const TYPES: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
const compressed = { gzip: promisify(gzip), br: promisify(brotliCompress) };

/** Rejects with what the bundler finds wrong in the sources. */
export async function loadConsole(): Promise<ConsoleFiles> {
  const { files, ...names } = existsSync(SHIPPED) ? readShipped() : await built();
  const served = await Promise.all(files.map(async ({ name, content }) => [name, await serve(name, content)] as const));
  return { ...names, files: new Map(served) };
}

async function built(): Promise<BuiltConsole> {
  // A package without the bundler ships the files.
  const { buildConsole } = await import('./build.ts');
  return buildConsole(SOURCES);
}

function readShipped(): BuiltConsole {
  const index = JSON.parse(readFileSync(join(SHIPPED, INDEX_FILE), 'utf8')) as Omit<BuiltConsole, 'files'>;
  const files = readdirSync(SHIPPED)
    .filter((name) => name !== INDEX_FILE)
    .map((name) => ({ name, content: readFileSync(join(SHIPPED, name)) }));
  return { ...index, files };
}

/** What `loadConsole` finds in `folder`, beside the code that was built. */
export function writeShipped(folder: string, built: BuiltConsole): BuiltConsole {
  const { files, ...index } = built;
  mkdirSync(folder, { recursive: true });
  for (const { name, content } of files) writeFileSync(join(folder, name), content);
  writeFileSync(join(folder, INDEX_FILE), JSON.stringify(index));
  return built;
}

async function serve(name: string, content: Uint8Array): Promise<ServedFile> {
  const plain = Buffer.from(content);
  return {
    type: TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    plain,
    gzip: await compressed.gzip(plain, { level: 9 }),
    br: await compressed.br(plain, BROTLI),
  };
}
