// A TEM_HOME of its own for a test that starts the embedded default; the path holds a space, because it may.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from './at-end.ts';

/** A folder that is removed when the test has ended; register what runs in it afterwards, so that it is stopped before. */
export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'tem home '));
  atEnd(() => rm(home, { recursive: true, force: true }));
  return home;
}
