// The files of the project as a person sees them: no dependencies, nothing that was built, no version control.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', '.tem', 'histories']);

/** Paths relative to the root, with forward slashes, sorted. */
export function projectFiles(folder = ''): string[] {
  return readdirSync(folder || '.', { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .flatMap((entry) => {
      const path = folder ? `${folder}/${entry.name}` : entry.name;
      if (entry.isDirectory()) return projectFiles(path);
      return entry.isFile() ? [join(path).replaceAll('\\', '/')] : [];
    })
    .sort();
}
