// The workflows' code as one file. A package ships it ready; in a clone it is bundled once per content and kept, because
// bundling takes seconds and a worker that restarts must not wait for it.

import { createHash } from 'node:crypto';
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { Logger } from 'pino';
import { makeFolder } from '../core/folder.ts';

/** Bundles that nobody has used for so long are deleted; younger ones may belong to a worker that starts right now. */
const UNUSED_KEPT_MS = 24 * 3_600_000;

/**
 * The path of the bundle that fits this code. `cache` is a folder that may be written; `workflowsPath` names another catalog
 * than the product's, which is never shipped.
 */
export async function workflowBundle(
  cache: string,
  log: Logger,
  workflowsPath?: string,
): Promise<{ codePath: string }> {
  const shipped = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (workflowsPath === undefined && existsSync(shipped)) return { codePath: shipped };
  const entry = workflowsPath ?? fileURLToPath(new URL('../workflows/index.ts', import.meta.url));
  const codePath = join(cache, `workflows-${contentHash(entry)}.js`);
  if (touch(codePath)) return { codePath };
  log.info('bundling the workflows, a few seconds');
  const { code } = await bundleWorkflowCode({
    workflowsPath: entry,
    logger: {
      log() {},
      trace() {},
      debug() {},
      info() {},
      warn: (message) => log.warn(message),
      error: (message) => log.error(message),
    },
  });
  makeFolder(cache);
  const unfinished = `${codePath}.${process.pid}`;
  writeFileSync(unfinished, code);
  renameSync(unfinished, codePath);
  forgetOld(cache);
  return { codePath };
}

/** Of every file that the bundle holds, wherever it lies, and of the library that bundles them. */
export function contentHash(entry: string): string {
  const hash = createHash('sha256');
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };
  hash.update(version);
  const files = [...filesOf(entry)].map(([path, text]) => [relative(entry, path), text] as const);
  for (const [path, text] of files.sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(path).update(text);
  return hash.digest('hex').slice(0, 16);
}

// Types are gone from the bundle; packages are locked.
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^'";]*?\bfrom\s+)?'(\.[^']+)'/gm;

/** The file and everything of ours that it imports, by path. */
function filesOf(entry: string): Map<string, string> {
  const files = new Map<string, string>();
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    const text = readFileSync(path, 'utf8');
    files.set(path, text);
    for (const [, specifier = ''] of text.matchAll(IMPORT)) waiting.push(resolve(dirname(path), specifier));
  }
  return files;
}

/** Says that the bundle is in use; false when there is none. */
function touch(path: string): boolean {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch {
    // Somebody else's cache may be read-only.
    return existsSync(path);
  }
}

function forgetOld(cache: string): void {
  const names = readdirSync(cache).filter((name) => /^workflows-[0-9a-f]{16}\.js$/.test(name));
  for (const path of names.map((name) => join(cache, name))) {
    const usedAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (Date.now() - usedAtMs > UNUSED_KEPT_MS) rmSync(path, { force: true });
  }
}
