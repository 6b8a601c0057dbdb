// What the parts of search sync share within one process: connections to the tables and to the targets, made at the first
// use. The parts that run for the process's whole life close what they opened.

import type pg from 'pg';
import { Breaker } from './processor/breaker.ts';
import type { TargetState } from './processor/write.ts';
import type { SearchSettings } from './settings.ts';
import { sourcePool } from './source/pool.ts';
import { createTarget, type Target } from './target/target.ts';

export interface Runtime {
  pool: pg.Pool;
  targets: Record<string, Target>;
  states: Record<string, TargetState>;
  close(): Promise<void>;
}

export function createRuntime(
  databaseUrl: string,
  settings: SearchSettings,
  { connections, name }: { connections: number; name: string },
): Runtime {
  const pool = sourcePool(databaseUrl, connections, name);
  const targets: Record<string, Target> = {};
  const states: Record<string, TargetState> = {};
  for (const target of Object.values(settings.targets)) {
    targets[target.name] = createTarget(target);
    states[target.name] = { target: targets[target.name] as Target, breaker: new Breaker() };
  }
  return {
    pool,
    targets,
    states,
    async close() {
      await Promise.all(Object.values(targets).map((target) => target.close()));
      await pool.end();
    },
  };
}
