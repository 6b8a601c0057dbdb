// A lock file that names its holder, so that a lock left behind by a killed process is taken over and never waited for.

import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { identify, isAlive, type ProcessIdentity } from './processes.ts';

export type Lock = { taken: true; release(): void } | { taken: false; holder: ProcessIdentity };

const ATTEMPTS_MAX = 20;

/** Takes the lock for this process, or says which living process has it. The folder must exist. */
export function takeLock(path: string): Lock {
  const own = identify(process.pid);
  if (!own) throw new Error(`this system doesn't say when process ${process.pid} started`);
  const candidate = `${path}.${randomUUID()}`;
  writeFileSync(candidate, JSON.stringify(own), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (tryLink(candidate, path)) return { taken: true, release: () => rmSync(path, { force: true }) };
      const holder = readHolder(path);
      if (holder && isAlive(holder)) return { taken: false, holder };
      removeStale(path, holder);
    }
    throw new Error(`the lock ${path} changes hands too often`);
  } finally {
    rmSync(candidate, { force: true });
  }
}

function tryLink(candidate: string, path: string): boolean {
  try {
    // A link appears with its whole content, and fails when the name exists: an atomic create.
    linkSync(candidate, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function removeStale(path: string, judged: ProcessIdentity | undefined): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  // Another process may have replaced the dead holder's lock meanwhile: then it goes back.
  const moved = readHolder(aside);
  if (moved && (moved.pid !== judged?.pid || moved.startedAt !== judged.startedAt) && isAlive(moved))
    tryLink(aside, path);
  rmSync(aside, { force: true });
}
