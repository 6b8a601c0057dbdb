// The command line of the benchmarks.

import { parseArgs } from 'node:util';

export interface Options {
  suite: string;
  /** Ids of cases; undefined: all. */
  only: string[] | undefined;
  /** Undefined: as each case says. */
  runs: number | undefined;
  quick: boolean;
  long: boolean;
  cold: boolean;
  profile: boolean;
  /** The name under which this mode's results are kept beside those of others. */
  mode: string;
  environment: Record<string, string>;
  list: boolean;
  help: boolean;
}

export class UsageError extends Error {}

export const USAGE = `npm run bench -- <suite> [options], a suite being pipeline, search-sync, schedules, reports, price-checks or console

Measures TEM beside the naive design and writes docs/benchmarks.md and bench/results/.

  --only <case,case>   only these cases; their results are merged with the others
  --runs <n>           runs of each case (default: 3, or 1 for cases of several minutes)
  --quick              small counts, to try the harness; writes nothing
  --mode <name>        keeps the results under this name, beside those of the default mode
  --env <NAME=value>   an environment variable for the services, the API and the workers; may be repeated
  --profile            runs the worker under Node's profiler and says where its time goes; writes no figures
  --long               old-snapshot: holds the snapshot open for 30 minutes
  --cold               fresh-clone: without a cached Temporal server
  --list               names the cases
`;

const RUNS_MAX = 20;

/** Reads the arguments. Throws a UsageError in words. */
export function readOptions(args: string[], suites: Readonly<Record<string, readonly string[]>>): Options {
  const { values, positionals } = parsed(args);
  const [suite = 'pipeline'] = positionals;
  const caseIds = suites[suite];
  if (!caseIds || (!values.help && !values.list && positionals.length !== 1)) {
    throw new UsageError(`name the suite: npm run bench -- ${Object.keys(suites).join(' or ')}`);
  }
  const only = values.only
    ?.split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
  const unknown = only?.filter((id) => !caseIds.includes(id)) ?? [];
  if (unknown.length > 0)
    throw new UsageError(`no case is named ${unknown.join(', ')}; there are ${caseIds.join(', ')}`);
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  if (runs !== undefined && !(Number.isInteger(runs) && runs >= 1 && runs <= RUNS_MAX)) {
    throw new UsageError(`--runs must be a whole number from 1 to ${RUNS_MAX}`);
  }
  const mode = values.mode ?? 'default';
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(mode))
    throw new UsageError('--mode must have lower-case letters, digits and hyphens');
  return {
    suite,
    only,
    runs,
    mode,
    quick: values.quick,
    long: values.long,
    cold: values.cold,
    profile: values.profile,
    list: values.list,
    help: values.help,
    environment: Object.fromEntries(values.env.map(pair)),
  };
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        only: { type: 'string' },
        runs: { type: 'string' },
        mode: { type: 'string' },
        env: { type: 'string', multiple: true, default: [] },
        quick: { type: 'boolean', default: false },
        long: { type: 'boolean', default: false },
        cold: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function pair(text: string): [string, string] {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text);
  if (!match) throw new UsageError(`--env must be NAME=value, not '${text}'`);
  return [match[1] ?? '', match[2] ?? ''];
}

/** The command that repeats one case as it was run. */
export function commandOf(options: Options, caseId: string, runs: number): string {
  const words = [`npm run bench -- ${options.suite}`, `--only ${caseId}`, `--runs ${runs}`];
  if (options.long) words.push('--long');
  if (options.cold) words.push('--cold');
  if (options.mode !== 'default') words.push(`--mode ${options.mode}`);
  for (const [name, value] of Object.entries(options.environment)) words.push(`--env ${name}=${value}`);
  return words.join(' ');
}
