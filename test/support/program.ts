// The `tem` that processes under test run: the sources in few files of JavaScript, because through the loader each start
// costs twice the processor time. Built once per content of the sources, into node_modules/.cache.

import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules', '.cache', 'tem-tests');
/** Builds that no test run has used for so long are deleted. */
const UNUSED_KEPT_MS = 24 * 3_600_000;
/** What a process reads beside its code, found from where its code lies. */
const BESIDE = ['bin', 'migrations', 'package.json', 'examples/notifications.html'];
/** Modules of event types for processes under test. */
const TYPES = [
  'test/support/event-types.ts',
  'test/workflows/scripted-types.ts',
  'test/console/support/event-types.ts',
];
/** What bin/tem, or a process that it starts, loads by name. */
const ENTRIES = ['cli/main.ts', 'index.ts', 'api/server.ts', 'workers/process.ts', 'services/temporal-download.ts'];

/** Resolves to the path of a built `tem` that fits the sources. */
export async function builtProgram(): Promise<string> {
  const folder = join(CACHE, contentHash());
  const program = join(folder, 'bin', 'tem');
  if (existsSync(folder)) {
    utimesSync(folder, new Date(), new Date());
    return program;
  }
  forgetOld();
  const unfinished = `${folder}.${process.pid}`;
  await buildInto(unfinished, folder);
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    // Another test run was quicker.
    if (!existsSync(folder)) throw error;
    rmSync(unfinished, { recursive: true, force: true });
  }
  return program;
}

async function buildInto(unfinished: string, folder: string): Promise<void> {
  // Loaded only when something is built.
  const [{ build }, { buildConsole }, { writeShipped }, { workflowBundle }, { pino }] = await Promise.all([
    import('esbuild'),
    import('../../src/api/console/build.ts'),
    import('../../src/api/console/files.ts'),
    import('../../src/workers/bundle.ts'),
    import('pino'),
  ]);
  const source = join(ROOT, 'src');
  const dist = join(unfinished, 'dist');
  await build({
    entryPoints: ENTRIES.map((name) => join(source, name)),
    outbase: source,
    outdir: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: `node${process.versions.node}`,
    sourcemap: 'linked',
    logLevel: 'warning',
    plugins: [ownFilesAndTypebox, placesAsWritten(source, join(folder, 'dist'))],
  });
  await build({
    entryPoints: TYPES.map((name) => join(ROOT, name)),
    outbase: ROOT,
    outdir: unfinished,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  for (const name of BESIDE) {
    mkdirSync(dirname(join(unfinished, name)), { recursive: true });
    cpSync(join(ROOT, name), join(unfinished, name), { recursive: true });
  }
  cpSync(source, dist, { recursive: true, filter: (path) => statSync(path).isDirectory() || !/\.tsx?$/.test(path) });
  writeShipped(join(dist, 'console-files'), await buildConsole(join(ROOT, 'console')));
  const { codePath } = await workflowBundle(join(CACHE, 'workflows'), pino({ level: 'warn' }));
  cpSync(codePath, join(dist, 'workflow-bundle.js'));
}

/** Packages stay where they are, but for typebox: its hundreds of files take as long to load as everything of TEM's own. */
const ownFilesAndTypebox: Plugin = {
  name: 'own files and typebox',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || /^typebox(\/|$)/.test(path) ? undefined : { path, external: true },
    );
  },
};

/** A file that looks beside itself finds there what `npm run build` would have put there. */
function placesAsWritten(source: string, dist: string): Plugin {
  return {
    name: 'places as written',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!path.startsWith(source)) return undefined;
        const place = join(dist, relative(source, path).replace(/\.ts$/, '.js'));
        const url = JSON.stringify(pathToFileURL(place).href);
        return { loader: 'ts', contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url) };
      });
    },
  };
}

function contentHash(): string {
  const hash = createHash('sha256').update(process.versions.node);
  const files = [
    'src',
    'console',
    ...TYPES,
    ...BESIDE,
    'package-lock.json',
    relative(ROOT, fileURLToPath(import.meta.url)),
  ].flatMap((name) =>
    statSync(join(ROOT, name)).isFile()
      ? [name]
      : readdirSync(join(ROOT, name), { recursive: true, encoding: 'utf8' }).map((inside) => join(name, inside)),
  );
  for (const name of files.sort()) {
    if (statSync(join(ROOT, name)).isFile()) hash.update(name).update(readFileSync(join(ROOT, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

function forgetOld(): void {
  mkdirSync(CACHE, { recursive: true });
  for (const path of readdirSync(CACHE).map((name) => join(CACHE, name))) {
    const usedAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (Date.now() - usedAtMs > UNUSED_KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}
