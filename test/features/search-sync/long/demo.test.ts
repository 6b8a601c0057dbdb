// `tem search demo` as a process, with an OpenSearch of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startTem } from '../../../support/processes.ts';
import { waitFor } from '../../../support/wait.ts';
import { describeSearch } from '../setup.ts';

describeSearch('tem search', () => {
  test('demo runs an OpenSearch until it is told to stop', async () => {
    const home = mkdtempSync(join(tmpdir(), 'tem-demo-'));
    onTestFinished(() => rmSync(home, { recursive: true, force: true }));
    // The runner takes none above 9,299.
    const port = 7_500 + Math.floor(Math.random() * 1_700);
    const url = `http://127.0.0.1:${port}`;
    const demo = startTem(['search', 'demo', '--port', String(port)], { TEM_HOME: home });
    onTestFinished(async () => void (await demo.stop()));
    await waitFor(() => demo.stdout().includes(`TEM_SEARCH_URL=${url} npm start`), 120_000);
    const answer = (await (await fetch(url)).json()) as { version: { distribution: string } };
    expect(answer.version.distribution).toBe('opensearch');
    demo.kill('SIGINT');
    expect(await demo.exited).toMatchObject({ code: 0 });
    await expect(fetch(url)).rejects.toThrow();
  });
});
