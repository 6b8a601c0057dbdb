// The alert rules and the dashboard ask only for figures and labels that a running API and worker export.

import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { startApi } from '../../src/api/server.ts';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { freePort } from '../../src/services/ports.ts';
import { startWorker } from '../../src/workers/process.ts';
import { createDatabase } from '../support/database.ts';
import { testConfig } from '../support/environment.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

interface Rule {
  alert: string;
  expr: string;
  annotations: Record<string, string>;
}

const rules = (
  parse(readFileSync('ops/prometheus/alerts.yaml', 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync('ops/grafana/tem.json', 'utf8')) as {
  panels: { id: number; title: string; type: string; targets?: { expr: string; legendFormat: string }[] }[];
};
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);

const NAME = /\b(?:tem|process|nodejs)_\w+/g;
/** What Prometheus adds by itself. */
const LABELS_OF_PROMETHEUS = ['instance', 'job', 'le'];

test('every figure and label of the alert rules and the dashboard is exported', async () => {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const port = await freePort(0);
  const config = testConfig(database, temporal, {
    TEM_METRICS_PORT: String(port),
    TEM_METRICS_FROM: `http://127.0.0.1:${port}/metrics`,
  });
  const log = pino({ level: 'silent' });
  const [api, worker] = [await startApi(config, log), await startWorker(config, log)];
  onTestFinished(async () => {
    await Promise.all([api.stop(), worker.stop()]);
  });
  await acceptEvents(database.pool, [
    { type: 'notification', payload: { user: 'ada', title: 'a', body: '' }, source: 'test' },
  ]);
  const scrape = async (): Promise<string> => (await fetch(`${api.url}/metrics`)).text();
  const text = await waitFor(async () => {
    const scraped = await scrape();
    return /tem_worker_attempts_total\{type="notification"/.test(scraped) && scraped.includes('tem_events{')
      ? scraped
      : undefined;
  });
  const labels = exported(text);
  for (const { expr, legendFormat = '' } of [...rules, ...targets] as { expr: string; legendFormat?: string }[]) {
    const names = expr.match(NAME) ?? [];
    expect(names.length, expr).toBeGreaterThan(0);
    const known = new Set(LABELS_OF_PROMETHEUS);
    for (const name of names) {
      expect([...labels.keys()], `${name} in ${expr}`).toContain(name);
      for (const label of labels.get(name) ?? []) known.add(label);
    }
    // Of a figure without a value now, such as that of a feature that is off, no label is known.
    if (names.some((name) => labels.get(name)?.size === 0)) continue;
    for (const label of labelsIn(expr, legendFormat)) expect([...known], `${label} in ${expr}`).toContain(label);
  }
});

/** Labels by the name of each series, those of a histogram's three among them. */
function exported(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = '', kind] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const series = kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name];
    for (const each of series) found.set(each, new Set());
  }
  for (const [, name = '', inside = ''] of text.matchAll(/^(\w+)\{([^}]*)\}/gm)) {
    for (const [, label = ''] of inside.matchAll(/(\w+)="/g)) found.get(name)?.add(label);
  }
  return found;
}

function labelsIn(expr: string, legend: string): string[] {
  const matched = [...expr.matchAll(/[{,]\s*(\w+)\s*[=!]~?/g)].map(([, label = '']) => label);
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/\s*,\s*/));
  const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
  return [...matched, ...grouped, ...shown];
}

test('the rules say what to do, each panel has a place of its own', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, annotations } of rules) {
    expect(annotations.summary, alert).toBeTruthy();
    expect(annotations.action, alert).toBeTruthy();
  }
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  for (const { type, targets: own, title } of dashboard.panels)
    if (type !== 'row') expect(own?.length, title).toBeGreaterThan(0);
});
