// What a feature declares is what the worker finds: a workflow that is declared and not handed on would fail its events.

import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { features } from '../../src/features.ts';
import * as catalog from '../../src/workflows/index.ts';

test('every workflow that a feature declares is in the catalog, and every one that its workflows.ts exports is declared', async () => {
  for (const { name, workflows = [] } of features) {
    for (const workflow of workflows) expect(Object.keys(catalog), `${name} declares ${workflow}`).toContain(workflow);
    const file = ['workflows.ts', 'workflows/index.ts']
      .map((path) => new URL(`../../src/features/${name}/${path}`, import.meta.url))
      .find((url) => existsSync(url));
    const exported = file === undefined ? [] : Object.keys(await import(file.href));
    expect([...workflows].sort(), `src/features/${name} exports these workflows`).toEqual(exported.sort());
  }
});
