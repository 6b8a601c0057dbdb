// The operator console's scripts and styles, made of its sources. `npm run build` does it once for the package; in a clone
// an API does it when it starts, which takes a fraction of a second.

import { basename } from 'node:path';
import { build, type Metafile } from 'esbuild';

/** One file as it is served: its name carries the hash of its content. */
export interface BuiltFile {
  name: string;
  content: Uint8Array;
}

export interface BuiltConsole {
  /** The script and the style that the page names, and the scripts that the first one imports before anything else. */
  script: string;
  style: string;
  preloads: string[];
  files: BuiltFile[];
}

const BROWSERS = ['chrome120', 'edge120', 'firefox121', 'safari17.4'];

/** `folder`: the console's sources, with main.tsx and style.css. Throws what the bundler finds wrong. */
export async function buildConsole(folder: string): Promise<BuiltConsole> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: folder,
    entryPoints: ['main.tsx', 'style.css'],
    outdir: 'assets',
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: BROWSERS,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const script = entryOf(metafile, 'main.tsx');
  return {
    script: basename(script),
    style: basename(entryOf(metafile, 'style.css')),
    preloads: staticImports(metafile, script).map((path) => basename(path)),
    files: outputFiles.map(({ path, contents }) => ({ name: basename(path), content: contents })),
  };
}

function entryOf(metafile: Metafile, entry: string): string {
  const found = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === entry);
  if (!found) throw new Error(`the console's build has no ${entry}`);
  return found[0];
}

/** Everything that must be there before the script runs. */
function staticImports(metafile: Metafile, script: string): string[] {
  const found = new Set<string>();
  const waiting = [script];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const { path: imported, kind } of metafile.outputs[path]?.imports ?? []) {
      if (kind !== 'import-statement' || found.has(imported)) continue;
      found.add(imported);
      waiting.push(imported);
    }
  }
  return [...found];
}
