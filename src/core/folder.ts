// Folders of TEM's own, for their owner only.

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a folder and those above it that are missing. Throws the system's error when one can't be made. */
export function makeFolder(path: string): void {
  // Not by mkdir's own `recursive`: it never returns where the system says ENOENT of a folder whose parent is there, as in
  // /proc.
  const missing: string[] = [];
  for (let each = path; !existsSync(each) && dirname(each) !== each; each = dirname(each)) missing.unshift(each);
  for (const each of missing) {
    try {
      mkdirSync(each, { mode: 0o700 });
    } catch (error) {
      // Another process may have made it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  if (!statSync(path).isDirectory()) throw new Error('it is no folder');
}
