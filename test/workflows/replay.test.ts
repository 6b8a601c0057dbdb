// Recorded histories, replayed against the workflows of today: runs that are open when a release changes must go on. A
// behaviour change needs a patch in the workflow, or a new history beside the old one (scripts/record-histories.ts).

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { workflowBundle } from '../../src/workers/bundle.ts';
import * as workflows from '../../src/workflows/index.ts';

const FOLDER = fileURLToPath(new URL('../histories', import.meta.url));
const { History } = proto.temporal.api.history.v1;

interface Recorded {
  events: { workflowExecutionStartedEventAttributes?: { workflowType: { name: string } } }[];
}

const recorded = new Map<string, Recorded>(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => [file, JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))]),
);
const cache = mkdtempSync(join(tmpdir(), 'tem replay '));
afterAll(() => rmSync(cache, { recursive: true }));

async function replay(histories: ReadonlyMap<string, Recorded>): Promise<[file: string, error: string | undefined][]> {
  const workflowBundleOfToday = await workflowBundle(cache, pino({ level: 'silent' }));
  const given = [...histories].map(([workflowId, history]) => ({ workflowId, history: History.fromObject(history) }));
  const results: [string, string | undefined][] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle: workflowBundleOfToday },
    given,
  )) {
    results.push([workflowId, error?.message]);
  }
  return results;
}

test('every recorded history replays', async () => {
  expect(await replay(recorded)).toEqual([...recorded.keys()].map((file) => [file, undefined]));
});

test('a history of other steps does not', async () => {
  const changed = JSON.parse(
    JSON.stringify(recorded.get('event-retried-then-processed.json')).replaceAll(
      '"name":"attempt"',
      '"name":"another"',
    ),
  );
  const [[, error] = []] = await replay(new Map([['changed', changed]]));
  expect(error).toMatch(/nondeterminism/i);
});

test('every workflow has a recorded history', () => {
  const names = [...recorded.values()].map(
    ({ events }) => events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name,
  );
  expect(new Set(names)).toEqual(new Set(Object.keys(workflows)));
});

test('no recorded history names a machine, a process or a path', () => {
  for (const [file, history] of recorded) {
    const text = JSON.stringify(history);
    expect(text, file).not.toMatch(/"identity":"(?!tem")|"stackTrace":"[^"]|\d+@|file:\/\//);
  }
});
