// A module of event types that blocks the process at its top: no timer of that process could tell, so its start is watched from
// a thread. It takes the 30 s that a module may.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { atEnd } from '../../support/at-end.ts';
import { createDatabase } from '../../support/database.ts';
import { testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace } from '../../support/temporal.ts';

test.each(['api', 'worker'])('%s ends with a line that has the stack, which names the module', async (command) => {
  const folder = mkdtempSync(join(tmpdir(), 'tem endless '));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const module = join(folder, 'endless.mjs');
  writeFileSync(module, 'function spin() {\n  while (true);\n}\nspin();\n');
  const environment = testEnvironment(await createDatabase(), await createNamespace(), { TEM_EVENT_TYPES: module });
  const tem = startTem([command], environment);
  atEnd(() => tem.kill('SIGKILL'));
  expect(await tem.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const line = tem
    .stdout()
    .split('\n')
    .find((each) => each.includes('the event loop has been blocked'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    level: 60,
    name: command,
    msg: expect.stringContaining('blocked for 30 s'),
    stack: expect.stringMatching(/spin \(.*endless\.mjs:2/),
  });
});
