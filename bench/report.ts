// docs/benchmarks.md, written from the raw results and nothing else.

import { writeFileSync } from 'node:fs';
import { type BenchCase, type Figure, reaches, shown, spreadOf } from './figures.ts';
import type { CaseResult } from './results.ts';

const PAGE = new URL('../docs/benchmarks.md', import.meta.url);

export function writeReport(
  suites: Readonly<Record<string, readonly BenchCase[]>>,
  results: ReadonlyMap<string, CaseResult[]>,
): void {
  writeFileSync(PAGE, page(Object.keys(suites), Object.values(suites).flat(), results));
}

/** The tables of one case's result, for the page and for the terminal. */
export function figureTable(benchCase: BenchCase, result: CaseResult): string {
  const rows = benchCase.figures
    .filter((figure) => result.runs.some((run) => figure.id in run.figures))
    .map((figure) => row(figure, result));
  return [
    '| figure | unit | minimum | median | maximum | target | reached |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function row(figure: Figure, result: CaseResult): string {
  const { minimum, median, maximum } = spreadOf(result.runs.map((run) => run.figures[figure.id] ?? Number.NaN));
  const reached = reaches(figure, median);
  const word = reached === undefined ? '' : reached ? 'yes' : '**no**';
  return `| ${figure.label} | ${figure.unit} | ${shown(minimum)} | ${shown(median)} | ${shown(maximum)} | ${targetText(figure)} | ${word} |`;
}

function targetText({ target, remark }: Figure): string {
  const parts = [
    target?.atLeast === undefined ? '' : `at least ${shown(target.atLeast)}`,
    target?.atMost === undefined ? '' : `at most ${shown(target.atMost)}`,
    remark ?? '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function page(
  suites: readonly string[],
  cases: readonly BenchCase[],
  results: ReadonlyMap<string, CaseResult[]>,
): string {
  const all = [...results.values()].flat();
  const sections = [...results].map(([mode, ofMode]) => modeSection(mode, cases, ofMode));
  return [
    '# Benchmarks',
    '',
    '<!-- Written by `npm run bench` from bench/results/; a change by hand is lost at the next run. -->',
    '',
    'TEM and what stands beside it run on the same machine, one after the other within each run, in turns from run to run.',
    'Everything is included: API, Postgres, Temporal, worker and the program that makes the load. Targets are judged on the median.',
    'Figures of one run have the same minimum, median and maximum. `load before` is the load average when a run began: above about 1, somebody else was at work.',
    '`loop` is what a fixed loop took on one processor before a run: figures that were measured at another speed are no measure of a change.',
    '',
    '```sh',
    ...suites.map((suite) => `npm run bench -- ${suite}`),
    '```',
    '',
    '`--quick` tries one with small counts in about a minute and keeps nothing; a suite without a table below has not been measured on this machine.',
    '',
    ...different(
      all.map(({ machine }) => `Machine: ${machine.processors}, ${machine.memoryGb} GB, ${machine.system}.`),
    ),
    ...different(
      all.map(
        ({ versions }) =>
          `Versions: ${Object.entries(versions)
            .filter(([name]) => name !== 'tem')
            .map(([name, version]) => `${name} ${version}`)
            .join('; ')}.`,
      ),
    ),
    '',
    ...sections,
  ].join('\n');
}

function different(lines: readonly string[]): string[] {
  return [...new Set(lines)].flatMap((line) => [line, '']);
}

function modeSection(mode: string, cases: readonly BenchCase[], results: readonly CaseResult[]): string {
  const environment = [
    ...new Set(
      results.flatMap(({ environment }) => Object.entries(environment).map(([name, value]) => `${name}=${value}`)),
    ),
  ];
  const parts = cases.flatMap((benchCase) => {
    const result = results.find((each) => each.case === benchCase.id);
    return result ? [caseSection(benchCase, result)] : [];
  });
  const title = mode === 'default' ? '## As it comes' : `## Mode \`${mode}\``;
  return [title, '', ...(environment.length > 0 ? [`Environment: ${environment.join(' ')}`, ''] : []), ...parts].join(
    '\n',
  );
}

/** When, and by which code. */
function measured({ measuredAt, versions }: CaseResult): string {
  return `Measured on ${measuredAt.slice(0, 10)}, tem ${versions.tem}.`;
}

function caseSection(benchCase: BenchCase, result: CaseResult): string {
  const notes = result.runs.map((run, index) => {
    const facts = Object.entries(run.notes).map(
      ([name, value]) => `${name}: ${typeof value === 'number' ? shown(value) : value}`,
    );
    const loop = run.loopMs === undefined ? '' : `, loop ${run.loopMs} ms`;
    return `- run ${index + 1} (${Math.round(run.seconds)} s, load before ${run.loadBefore}${loop}): ${facts.join('; ')}`;
  });
  const last = result.runs.at(-1);
  const texts = Object.entries(last?.texts ?? {}).flatMap(([title, text]) => [
    `${title}:`,
    '',
    '```text',
    text,
    '```',
    '',
  ]);
  return [
    `### ${benchCase.title}`,
    '',
    benchCase.about,
    '',
    '```sh',
    result.command,
    '```',
    '',
    ...(result.failure
      ? [`Not measured: ${result.failure}`, '']
      : [figureTable(benchCase, result), '', measured(result), '', ...notes, '', ...texts]),
  ].join('\n');
}
