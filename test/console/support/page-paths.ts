// The addresses of every page, as the catalogs of the console and of the features have them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';

const ROOT = new URL('../../../', import.meta.url);
const features = readdirSync(new URL('src/features', ROOT)).map((name) => `src/features/${name}/console/pages.ts`);
const catalogs = ['console/pages.ts', ...features]
  .map((file) => new URL(file, ROOT))
  .filter((file) => existsSync(file));

/** Those of single things have `:id` in them. */
export const PAGE_PATHS: readonly string[] = catalogs
  .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/path: '([^']+)'/g)])
  .map((found) => String(found[1]));
