// The settings of src/config.ts, of parts of the core and of the features, with their defaults, read from their text: the check must not
// depend on the environment that it runs in.

import { readFileSync } from 'node:fs';
import { projectFiles } from '../files.ts';

const SETTINGS_FILE = /^src\/(config|\w+-settings|(core|features)\/[^/]+\/settings)\.ts$/;
const NAME = /\b(TEM_[A-Z0-9_]*[A-Z0-9])(?=':|'|:)/g;
const DEFAULT =
  /parsed\(\s*'(?<name>TEM_\w+)',\s*(?:milliseconds\('(?<duration>\w+)'\)|'(?<text>[^']*)'|(?<number>[\d_]+)|(?<flag>true|false))\s*,/g;

/** Each setting's name with its default as people write it; undefined where the code has no literal for it. */
export function projectSettings(): Map<string, string | undefined> {
  const files = projectFiles('src').filter((file) => SETTINGS_FILE.test(file));
  const source = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const settings = new Map<string, string | undefined>();
  for (const [, name = ''] of source.matchAll(NAME)) settings.set(name, undefined);
  for (const { groups } of source.matchAll(DEFAULT)) {
    if (!groups?.['name']) continue;
    const { name, duration, text, number, flag } = groups;
    const written =
      flag === undefined ? (duration ?? text ?? number?.replaceAll('_', '')) : flag === 'true' ? 'on' : 'off';
    settings.set(name, written);
  }
  return settings;
}
