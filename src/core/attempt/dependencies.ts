// What attempts are made of, put together once per worker process.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { EventTypes } from '../event-types.ts';
import type { Admission } from '../flows/admission.ts';
import type { Flows } from '../flows/flows.ts';
import type { GroupCommit } from '../group-commit.ts';
import { createGroupCommit } from '../group-commit.ts';
import { type BeginAnswer, type BeginRequest, begin } from '../ledger/begin.ts';
import { type Mark, mark } from '../ledger/mark.ts';
import type { Notifier } from '../ledger/notifier.ts';
import { isUnavailable } from '../ledger/pool.ts';
import { type Tracing, untraced } from '../tracing/index.ts';
import { type AttemptClock, createAttemptClock } from './clock.ts';
import { createPace, type Pace } from './pace.ts';
import { createRunning, type Running } from './running.ts';
import { createWaitingRuns, WAITING_RUNS_MAX, type WaitingRuns } from './waiting-runs.ts';

const GROUP_SIZE_MAX = 500;
const GROUP_STATEMENTS_MAX = 2;

export interface AttemptDependencies {
  workerId: string;
  types: EventTypes;
  /** Reserved for begins and marks, so that handlers can't starve them. */
  marksPool: Pool;
  /** For handlers' transactions. */
  handlersPool: Pool;
  begin: GroupCommit<BeginRequest, BeginAnswer>;
  /** Whether this worker may take one whose lease is over for dead. */
  mayJudge(): boolean;
  mark: GroupCommit<Mark, boolean>;
  clock: AttemptClock;
  /** When members of batches begin. */
  pace: Pace;
  running: Running;
  /** What the flows of events let begin; absent: everything. */
  admission?: Admission | undefined;
  /** For handlers' own calls. */
  flows?: Flows | undefined;
  /** Runs of its own that wait in Temporal. */
  waitingRuns: WaitingRuns;
  notifier: Notifier;
  tracing: Tracing;
  log: Logger;
}

export function createAttemptDependencies(
  given: Pick<AttemptDependencies, 'workerId' | 'types' | 'marksPool' | 'handlersPool' | 'notifier' | 'log'> &
    Partial<Pick<AttemptDependencies, 'mayJudge' | 'admission' | 'flows' | 'tracing'>> & { waitingRunsMax?: number },
): AttemptDependencies {
  const mayJudge = given.mayJudge ?? (() => true);
  const group = { sizeMax: GROUP_SIZE_MAX, statementsMax: GROUP_STATEMENTS_MAX, isShared: isUnavailable };
  return {
    ...given,
    tracing: given.tracing ?? untraced,
    mayJudge,
    begin: createGroupCommit<BeginRequest, BeginAnswer>({
      ...group,
      write: (items) => begin(given.marksPool, given.workerId, items, mayJudge()),
    }),
    mark: createGroupCommit<Mark, boolean>({ ...group, write: (items) => mark(given.marksPool, items) }),
    clock: createAttemptClock(),
    pace: createPace(),
    running: createRunning(),
    waitingRuns: createWaitingRuns(given.waitingRunsMax ?? WAITING_RUNS_MAX),
  };
}
