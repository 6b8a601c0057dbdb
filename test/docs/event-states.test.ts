// Keeps docs/event-states.md true: its diagram and its table show exactly the transitions that the ledger allows.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TRANSITIONS } from '../../src/core/ledger/states.ts';

const page = readFileSync(new URL('../../docs/event-states.md', import.meta.url), 'utf8');

describe('docs/event-states.md', () => {
  it('draws every allowed transition, and no other', () => {
    const [, diagram = ''] = /```mermaid\n([\s\S]*?)```/.exec(page) ?? [];
    const drawn = [...diagram.matchAll(/^\s+(\[\*\]|[A-Z]+) --> ([A-Z]+)(?: : .+)?$/gm)].map(
      ([, from, to]) => `${from} -> ${to}`,
    );
    const allowed = TRANSITIONS.map(({ from, to }) => `${from ?? '[*]'} -> ${to}`);
    expect(drawn.sort()).toEqual(allowed.sort());
  });

  it('lists every allowed transition with who makes it', () => {
    const [, table = ''] = /## Every allowed transition\n\n([\s\S]*?)\n\n/.exec(page) ?? [];
    const rows = TRANSITIONS.map(({ from, to, by }) => `| ${from ?? '(none)'} | ${to} | ${by} |`);
    expect(table.split('\n').slice(2)).toEqual(rows);
  });
});
