// `npm run bench -- <suite>`: runs the cases of a suite in turns, prints each result as it comes, and writes the results and the
// page after every case, so that a run that is stopped keeps what it has.

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cases, suites } from './cases.ts';
import type { BenchContext } from './context.ts';
import type { BenchCase } from './figures.ts';
import { loadNow, loopMs, machine, versions } from './machine.ts';
import { commandOf, type Options, readOptions, USAGE, UsageError } from './options.ts';
import { figureTable, writeReport } from './report.ts';
import { type CaseResult, readResults, writeResult } from './results.ts';

const RUNS = 3;

try {
  const ids = Object.entries(suites).map(([suite, list]) => [suite, list.map(({ id }) => id)] as const);
  const options = readOptions(process.argv.slice(2), Object.fromEntries(ids));
  if (options.help) console.log(USAGE);
  else if (options.list) for (const { id, title } of cases) console.log(`${id.padEnd(20)} ${title}`);
  else await runAll(options);
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : error);
  process.exit(error instanceof UsageError ? 2 : 1);
}
// Idle connections of a case that failed must not keep the process.
process.exit(process.exitCode ?? 0);

async function runAll(options: Options): Promise<void> {
  const chosen = (suites[options.suite] ?? []).filter(
    ({ id }) => options.only === undefined || options.only.includes(id),
  );
  const folder = mkdtempSync(join(tmpdir(), 'tem-bench-'));
  // Started by root, Postgres runs as another user, who must be able to pass.
  chmodSync(folder, 0o711);
  process.once('exit', () => removeFolder(folder));
  // The children end by themselves when this process does.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const about = { machine: machine(), versions: await versions(folder) };
  const results = new Map(chosen.map((each) => [each.id, emptyResult(each, options, about)]));
  const most = Math.max(...chosen.map((each) => runsOf(each, options)));
  for (let run = 1; run <= most; run++) {
    for (const benchCase of chosen.filter((each) => runsOf(each, options) >= run)) {
      const result = results.get(benchCase.id) as CaseResult;
      await runOnce(benchCase, options, join(folder, `${benchCase.id}-${run}`), result);
      keep(options, result);
    }
  }
  console.log(summary(chosen, results));
}

function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // A Postgres that is still stopping writes into it.
  }
}

async function runOnce(benchCase: BenchCase, options: Options, folder: string, result: CaseResult): Promise<void> {
  const run = `${benchCase.id}, run ${result.runs.length + 1} of ${runsOf(benchCase, options)}`;
  console.log(`\n${run} ...`);
  mkdirSync(folder, { recursive: true });
  const context: BenchContext = {
    quick: options.quick,
    long: options.long,
    cold: options.cold,
    profile: options.profile,
    folder,
    environment: options.environment,
    count: (full, quick) => (options.quick ? quick : full),
    say: (line) => console.log(line),
  };
  const before = { loadBefore: loadNow(), loopMs: loopMs() };
  const startedAt = performance.now();
  try {
    const outcome = await benchCase.run(context);
    const seconds = (performance.now() - startedAt) / 1_000;
    result.runs.push({ ...outcome, ...before, seconds: Math.round(seconds * 10) / 10 });
    delete result.failure;
    console.log(figureTable(benchCase, { ...result, runs: result.runs.slice(-1) }));
    for (const [name, value] of Object.entries(outcome.notes)) console.log(`  ${name}: ${value}`);
    console.log(`  ${seconds.toFixed(0)} s, load before ${before.loadBefore}, loop ${before.loopMs} ms`);
  } catch (error) {
    console.error(`${run} failed:`, error);
    process.exitCode = 1;
    if (result.runs.length === 0) result.failure = (error as Error).message.split('\n')[0] ?? 'unknown';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function keep(options: Options, result: CaseResult): void {
  // A failure never replaces figures that were measured before.
  if (options.quick || options.profile || result.runs.length === 0) return;
  writeResult(result);
  writeReport(suites, readResults());
}

function emptyResult(
  benchCase: BenchCase,
  options: Options,
  about: Pick<CaseResult, 'machine' | 'versions'>,
): CaseResult {
  return {
    case: benchCase.id,
    mode: options.mode,
    command: commandOf(options, benchCase.id, runsOf(benchCase, options)),
    environment: options.environment,
    measuredAt: new Date().toISOString(),
    ...about,
    runs: [],
  };
}

function runsOf(benchCase: BenchCase, options: Options): number {
  return options.runs ?? benchCase.runsByDefault ?? RUNS;
}

function summary(chosen: readonly BenchCase[], results: ReadonlyMap<string, CaseResult>): string {
  const parts = chosen.flatMap((benchCase) => {
    const result = results.get(benchCase.id);
    return result && result.runs.length > 0 ? [`\n${benchCase.title}\n${figureTable(benchCase, result)}`] : [];
  });
  return parts.join('\n');
}
