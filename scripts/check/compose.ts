// Judges docker-compose.yml without an engine: the specification's schema by `docker compose config`, or by the
// specification's own Go program where only Go is at hand, and TEM's own rules, which no schema knows.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { projectSettings } from './doc-facts/settings.ts';
import type { Finding } from './finding.ts';

const FILE = 'docker-compose.yml';
const COMPOSE_GO = 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2';
const SCHEMA_TIMEOUT_MS = 120_000;

interface Service {
  container_name?: string;
  ports?: unknown[];
  healthcheck?: unknown;
  environment?: Record<string, unknown>;
  depends_on?: Record<string, { condition: string }>;
  restart?: string;
}

/** What is wrong with the compose file. */
export function checkCompose(): Finding[] {
  const { services } = parse(readFileSync(FILE, 'utf8'), { merge: true }) as { services: Record<string, Service> };
  return [
    ...checkSchema(),
    ...Object.entries(services).flatMap(([name, service]) => checkService(name, service, services)),
  ];
}

function checkSchema(): Finding[] {
  const programs = [
    ['docker', 'compose', '--file', FILE, 'config', '--quiet'],
    ['go', 'run', COMPOSE_GO, FILE],
  ];
  for (const [command = '', ...args] of programs) {
    const run = spawnSync(command, args, { encoding: 'utf8', timeout: SCHEMA_TIMEOUT_MS });
    if (run.status === 0) return [];
    // A Docker client without the compose plugin, or a machine without Go or the internet, can't judge.
    const judged = run.stderr?.includes(FILE) || run.stderr?.includes('services.');
    if (judged)
      return [{ file: FILE, problem: run.stderr.trim(), remedy: 'see the compose specification for the field' }];
  }
  console.log('       the schema of the compose file was not checked: neither docker compose nor Go could be run here');
  return [];
}

function checkService(name: string, service: Service, services: Record<string, Service>): Finding[] {
  const findings: Finding[] = [];
  const found = (problem: string, remedy: string) =>
    findings.push({ file: FILE, problem: `${name}: ${problem}`, remedy });
  if (service.container_name) found('has a container_name', 'remove it: `--scale` needs a name for each container');
  if (name === 'worker' && service.ports) found('publishes ports', 'remove them: several workers share one machine');
  for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
    if (!(other in services)) found(`depends on ${other}, which is not there`, 'correct the name');
    else if (condition === 'service_healthy' && !services[other]?.healthcheck && !hasOwnHealthcheck(other)) {
      found(`waits for ${other} to be healthy, which has no healthcheck`, `give ${other} a healthcheck`);
    }
  }
  const known = projectSettings();
  for (const setting of Object.keys(service.environment ?? {})) {
    if (setting.startsWith('TEM_') && !known.has(setting))
      found(`sets ${setting}, which TEM refuses`, 'see src/config.ts');
  }
  return findings;
}

/** Services of TEM's own image inherit the HEALTHCHECK of the Dockerfile. */
function hasOwnHealthcheck(name: string): boolean {
  return name === 'api' && /^HEALTHCHECK /m.test(readFileSync('Dockerfile', 'utf8'));
}
