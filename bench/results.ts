// The raw results: one JSON file for each mode and case, so that a single row can be measured again and the page written
// anew from all of them.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { CaseOutcome } from './figures.ts';
import type { Machine, Versions } from './machine.ts';

export interface CaseResult {
  case: string;
  mode: string;
  command: string;
  environment: Record<string, string>;
  measuredAt: string;
  machine: Machine;
  versions: Versions;
  /** `loopMs`: how fast the machine was before it; see machine.ts. */
  runs: (CaseOutcome & { loadBefore: number; loopMs?: number; seconds: number })[];
  /** Why there is no figure, when a case couldn't be measured. */
  failure?: string;
}

const FOLDER = new URL('./results/', import.meta.url);

export function writeResult(result: CaseResult): void {
  const folder = new URL(`${result.mode}/`, FOLDER);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${result.case}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
}

/** Every result that was written, by mode; the default mode first. */
export function readResults(): Map<string, CaseResult[]> {
  if (!existsSync(FOLDER)) return new Map();
  const modes = readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort((a, b) => Number(b === 'default') - Number(a === 'default') || a.localeCompare(b));
  return new Map(modes.map((mode) => [mode, readMode(new URL(`${mode}/`, FOLDER))]));
}

function readMode(folder: URL): CaseResult[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as CaseResult);
}
