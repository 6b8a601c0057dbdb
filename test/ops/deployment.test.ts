// What ops/ has for systemd and Kubernetes names only what is there: commands, settings, routes, ports, and each other.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { allSettings } from '../../src/config.ts';
import { isSetting } from '../../src/settings.ts';

// biome-ignore lint/suspicious/noExplicitAny: manifests are looked into by their documented names
type Manifest = any;

const manifests: Manifest[] = readdirSync('ops/kubernetes').flatMap((file) =>
  parseAllDocuments(readFileSync(`ops/kubernetes/${file}`, 'utf8')).map((document) => {
    expect(document.errors, file).toEqual([]);
    return document.toJS();
  }),
);
const ofKind = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
const [scaled, authentication] = [ofKind('ScaledObject')[0], ofKind('TriggerAuthentication')[0]];

test.skipIf(spawnSync('systemd-analyze', ['--version']).status !== 0)(
  'systemd takes the units (where systemd-analyze exists)',
  () => {
    const units = ['ops/systemd/tem-api.service', 'ops/systemd/tem-worker@.service'];
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' });
    // A machine may lack the program that a unit starts; everything else that is said is a fault.
    const faults = stderr.split('\n').filter((line) => line !== '' && !/is not executable|Failed to open/.test(line));
    expect(faults).toEqual([]);
    expect([0, 1]).toContain(status);
  },
);

test('units start again after 10 s, and give a worker longer than its grace', () => {
  for (const unit of ['tem-api.service', 'tem-worker@.service']) {
    const text = readFileSync(`ops/systemd/${unit}`, 'utf8');
    expect(text).toMatch(/^Restart=always$/m);
    expect(text).toMatch(/^RestartSec=10$/m);
    expect(text).toMatch(/^TimeoutStopSec=40$/m);
    for (const [name] of text.matchAll(/\bTEM_\w+(?==)/g)) expect(isSetting(allSettings(), name), name).toBe(true);
  }
});

test('deployments have probes of what exists, limits, and selectors that meet their pods', () => {
  const workloads = [...ofKind('Deployment'), ...ofKind('Job')];
  expect(workloads.map(({ spec }) => spec.template.spec.containers[0].args[0]).sort()).toEqual([
    'api',
    'migrate',
    'worker',
  ]);
  for (const { kind, spec } of workloads) {
    const [container] = spec.template.spec.containers;
    expect(container.resources).toEqual({
      requests: { cpu: '250m', memory: '256Mi' },
      limits: { cpu: '500m', memory: '512Mi' },
    });
    for (const { name } of container.env ?? []) expect(isSetting(allSettings(), name), name).toBe(true);
    if (kind === 'Deployment') expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
  }
  const health = readFileSync('src/api/routes/health.ts', 'utf8');
  const [api, worker] = ['tem-api', 'tem-worker'].map(
    (name) => ofKind('Deployment').find(({ metadata }) => metadata.name === name).spec.template.spec,
  );
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    expect(health).toContain(`'${api.containers[0][probe].httpGet.path}'`);
  }
  expect(worker.containers[0].livenessProbe.exec.command).toEqual(['node', 'bin/alive', 'worker']);
  expect(worker.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(40);
  const rss = worker.containers[0].env.find(({ name }: Manifest) => name === 'TEM_WORKER_MAX_RSS_MB').value;
  expect(Number(rss)).toBeLessThan(512);
});

test('workers scale by the backlog that the API serves, 5 to 20, with room between up and down', () => {
  const { spec } = scaled;
  expect(spec).toMatchObject({ minReplicaCount: 5, maxReplicaCount: 20, scaleTargetRef: { name: 'tem-worker' } });
  const [trigger] = spec.triggers;
  const service = ofKind('Service')[0];
  const url = new URL(trigger.metadata.url);
  expect([url.hostname, Number(url.port)]).toEqual([service.metadata.name, service.spec.ports[0].port]);
  const routes = readFileSync('src/api/routes/workers.ts', 'utf8');
  expect(routes).toContain(`'${url.pathname}'`);
  expect(routes).toContain(`${trigger.metadata.valueLocation}: sum(`);
  expect(authentication.metadata.name).toBe(trigger.authenticationRef.name);
  const { formula } = spec.advanced.scalingModifiers;
  const factor = new Function(trigger.name, `return ${formula}`) as (backlog: number) => number;
  expect([0, 999, 1_000, 10_000, 10_001].map(factor)).toEqual([0.5, 0.5, 1, 1, 2]);
});
