// Reads vitest's JSON report for .ci/run and prints `N passed, N failed` as its last line. A file that never came to its
// tests, a crash without a report and a failed `npm run check` each count as a failure: what did not run did not pass.
// Usage: counts.ts <report.json> <failures outside of the tests> <exit code of the tests>

import { readFileSync } from 'node:fs';

interface Report {
  success: boolean;
  numTotalTests: number;
  numPassedTests: number;
  numFailedTests: number;
  testResults: { name: string; status: string; assertionResults: unknown[] }[];
}

const [path = '', outside = '0', exitCode = '0'] = process.argv.slice(2);
const report = readReport(path);
const { passed, failed } = report ? count(report, Number(outside)) : { passed: 0, failed: Number(outside) + 1 };
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch (error) {
    console.log(`vitest left no whole report, so it did not come to its end (${(error as Error).message})`);
    return undefined;
  }
}

function count(report: Report, failedOutside: number): { passed: number; failed: number } {
  const dead = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  for (const { name } of dead) console.log(`did not run: ${name}`);
  // What is neither passed nor failed was left out, for whatever reason.
  const leftOut = report.numTotalTests - report.numPassedTests - report.numFailedTests;
  const inTests = report.numFailedTests + dead.length + leftOut;
  // An error outside of every test, such as an unhandled rejection, shows only in the exit code.
  const unexplained = inTests === 0 && (exitCode !== '0' || report.numTotalTests === 0) ? 1 : 0;
  return { passed: report.numPassedTests, failed: failedOutside + inTests + unexplained };
}
