// The browser of the console's tests: a real Chromium, named by TEM_TEST_CHROMIUM or found on PATH.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** The tests are counted as skipped with TEM_TEST_SKIP_BROWSER=1. */
export const SKIPS_BROWSER = process.env.TEM_TEST_SKIP_BROWSER === '1';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MISSING =
  'no browser for the tests of the console: install Chromium (apt-get install chromium), or set TEM_TEST_CHROMIUM to a Chromium or Chrome; TEM_TEST_SKIP_BROWSER=1 skips these tests';

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath(), args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

function browserPath(): string {
  const given = process.env.TEM_TEST_CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const paths = given ? [given] : NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = paths.find(isProgram);
  if (found === undefined) throw new Error(given ? `${MISSING}. ${given} is no program.` : MISSING);
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
