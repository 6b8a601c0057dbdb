// What the routes of search sync share: the tables' Postgres, the targets, and who calls.

import type { FastifyRequest } from 'fastify';
import pg from 'pg';
import type { Logger } from 'pino';
import { notFound, problem } from '../../../core/http/problem.ts';
import { isUnavailable } from '../../../core/ledger/pool.ts';
import { AlreadyMapped, TableBusy } from '../attach/attach.ts';
import { MappingRefused } from '../attach/refused.ts';
import type { Mapping } from '../mapping.ts';
import type { TargetState } from '../processor/write.ts';
import { OFF, type SearchSettings } from '../settings.ts';
import { readTableName } from '../source/table.ts';
import { noteChange, readMapping } from '../store.ts';
import { type Target, TargetAway } from '../target/target.ts';

export interface SearchRoutes {
  pool: pg.Pool;
  settings: SearchSettings;
  targets: Record<string, Target>;
  states: Record<string, TargetState>;
  log: Logger;
  actor(request: FastifyRequest): string;
  /** Keeps who did what. */
  note(request: FastifyRequest, action: string, detail: unknown): Promise<void>;
}

/** Where a target is needed and none is set. */
export function requireOn({ targets }: Pick<SearchRoutes, 'targets'>): void {
  if (Object.keys(targets).length === 0) throw problem(409, 'search_sync_off', OFF);
}

export function noting(pool: pg.Pool, actor: SearchRoutes['actor']): SearchRoutes['note'] {
  return (request, action, detail) => noteChange(pool, actor(request), action, detail);
}

export async function findMapping({ pool }: Pick<SearchRoutes, 'pool'>, table: string): Promise<Mapping> {
  const named = readTableName(table);
  const mapping = named && (await readMapping(pool, named));
  if (!mapping) throw notFound(`the mapping of ${table}`);
  return mapping;
}

/** Failures of attaching and of targets as problems. */
export async function translated<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof MappingRefused) {
      const status =
        error.code === 'unknown_table' && error.path === '' ? 404 : error.code === 'index_exists' ? 409 : 400;
      throw problem(status, error.code, error.message, { path: error.path });
    }
    if (error instanceof AlreadyMapped) throw problem(409, 'mapping_exists', error.message);
    if (error instanceof TableBusy) throw problem(409, 'table_busy', error.message);
    // Such as a column that is gone, or a table that TEM's role may not make triggers on.
    if (error instanceof pg.DatabaseError && !isUnavailable(error))
      throw problem(409, 'postgres_refuses', `Postgres refuses it: ${error.message}`);
    if (error instanceof TargetAway) throw problem(503, 'target_unavailable', error.message);
    throw error;
  }
}
