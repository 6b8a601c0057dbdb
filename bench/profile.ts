// Where a worker's time goes: with --profile it runs under Node's own sampling profiler, and what each function took
// itself during the measured work is added up over its threads. Idle time and the native part of the Temporal SDK are listed as what they are.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchContext } from './context.ts';
import type { Tem } from './tem.ts';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  /** Microseconds of the monotonic clock; each delta leads to its sample. */
  startTime: number;
  samples: number[];
  timeDeltas: number[];
}

const LINES_MAX = 40;

/** The texts of a case: the profile of the worker that has just ended, or nothing without --profile. */
export function keepProfile(context: BenchContext, tem: Tem): { texts?: Record<string, string> } {
  if (!context.profile) return {};
  const folder = join(tem.folder, 'profile');
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  const byFunction = new Map<string, number>();
  const byPackage = new Map<string, number>();
  for (const file of files)
    add(JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile, tem.workUs, [byFunction, byPackage]);
  const busyMs = [...byPackage].filter(([name]) => name !== '(idle)').reduce((sum, [, ms]) => sum + ms, 0);
  const table = (times: Map<string, number>): string =>
    [...times]
      .sort(([, a], [, b]) => b - a)
      .slice(0, LINES_MAX)
      .map(
        ([name, ms]) =>
          `${ms.toFixed(0).padStart(8)} ms ${name === '(idle)' ? '      ' : `${((100 * ms) / busyMs).toFixed(1).padStart(5)}%`} ${name}`,
      )
      .join('\n');
  const texts = {
    [`The worker's time by package (${files.length} threads)`]: table(byPackage),
    "The worker's time by function": table(byFunction),
  };
  for (const [title, text] of Object.entries(texts)) context.say(`${title}\n${text}`);
  return { texts };
}

type Times = Map<string, number>;

function add(profile: CpuProfile, workUs: Tem['workUs'], [byFunction, byPackage]: [Times, Times]): void {
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  let atUs = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const name = names.get(id);
    const deltaUs = profile.timeDeltas[index] ?? 0;
    atUs += deltaUs;
    if (!name || atUs < workUs.from || atUs > workUs.to) continue;
    byFunction.set(name.own, (byFunction.get(name.own) ?? 0) + deltaUs / 1_000);
    byPackage.set(name.owner, (byPackage.get(name.owner) ?? 0) + deltaUs / 1_000);
  }
}

/** A name without any machine's paths. */
function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): {
  own: string;
  owner: string;
} {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return { own: name, owner: /^\((idle|program|garbage collector)\)$/.test(name) ? name : '(native)' };
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(.*)$/.exec(url);
  const inProject = /\/((?:src|bench|bin)\/[^?]*)/.exec(url);
  const owner = inPackage?.[1] ?? (inProject ? 'tem' : url.startsWith('node:') ? 'node' : 'workflow bundle');
  const file = inPackage
    ? `${inPackage[1]}/${inPackage[2]}`
    : (inProject?.[1] ?? (url.startsWith('node:') ? url : owner));
  return { own: `${name} ${file}:${lineNumber + 1}`, owner };
}
