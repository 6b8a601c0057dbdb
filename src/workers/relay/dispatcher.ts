// Claims due events of one type at a time and starts runs for them: one event, one workflow while the relay keeps up;
// one workflow for many, where the type allows it, when it doesn't.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { admit } from '../../core/attempt/admit.ts';
import type { EventType } from '../../core/event-type.ts';
import type { EventTypes } from '../../core/event-types.ts';
import type { Admission } from '../../core/flows/admission.ts';
import { type Claimed, claim, unclaim } from '../../core/ledger/claim.ts';
import { LANE } from '../../core/ledger/queue.ts';
import { refuseQueued } from '../../core/ledger/refuse.ts';
import { evenShare, shareLeft } from '../../core/share.ts';
import { receiving } from '../../core/tracing/event-spans.ts';
import { type Tracing, untraced } from '../../core/tracing/index.ts';
import { eventWorkflowId } from '../../core/workflow-id.ts';
import type { ClaimedEvent } from './held.ts';
import type { KnownLane, Lanes } from './lanes.ts';
import type { Slots } from './slots.ts';
import { type Starter, WorkflowIdTaken } from './starter.ts';

/** A type whose events wait longer than this gets batches, when it says so. */
const PRESSURE_LATE_MS = 20;
/** Under pressure, how long a batch gathers when the one before it wasn't full: fewer runs leave more for each. */
const GATHER_MS = 40;
const FAILURE_PAUSE_MS = 250;
const FAILURE_PAUSE_MAX_MS = 5_000;
/** When an event is tried again whose workflow id somebody else's run has. */
const ID_TAKEN_PAUSE_MS = 60_000;

export interface RelayCounters extends Record<string, number> {
  claimed: number;
  started: number;
  startedEagerly: number;
  batches: number;
  batchMembers: number;
}

export interface DispatcherOptions {
  workerId: string;
  pool: Pool;
  types: EventTypes;
  starter: Starter;
  lanes: Lanes;
  slots: Slots;
  /** What the flows of events let pass; absent: everything. */
  admission?: Admission | undefined;
  /** False: every event has a workflow of its own. */
  batch: boolean;
  tracing?: Tracing | undefined;
  /** A start has ended, well or not. */
  onStart(): void;
  log: Logger;
}

export class Dispatcher {
  readonly counters: RelayCounters = { claimed: 0, started: 0, startedEagerly: 0, batches: 0, batchMembers: 0 };
  /** How long to leave Temporal alone after a start that failed; 0 when the last one went well. */
  pauseMs = 0;
  readonly #options: DispatcherOptions;
  /** Types under pressure, and until when the next batch of each gathers. */
  readonly #pressed = new Map<string, number>();
  readonly #starts = new Set<Promise<void>>();
  /** Types whose members in workflows of their own got the smaller half the last time. */
  readonly #lessLast = new Set<string>();
  #batchNumber = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Claims what the type's slots allow, or one batch; resolves to how many events. */
  async serve(type: EventType): Promise<number> {
    const { slots, lanes, batch } = this.#options;
    let count = 0;
    if (!slots.quarantined() && slots.allowed(type.name) > 0) count += await this.#claimOwn(type, LANE.quarantine, 1);
    const shared = lanes.due(type.name, LANE.shared).length > 0;
    // Members that left a batch for a workflow of their own share the slots with the flood behind them.
    if (lanes.due(type.name, LANE.own).length > 0) {
      count += await this.#claimOwn(type, LANE.own, shared ? this.#half(type.name) : slots.allowed(type.name));
    }
    if (!batch || type.batch === undefined || !this.#pressed.has(type.name)) {
      return count + (await this.#claimOwn(type, LANE.shared, slots.allowed(type.name)));
    }
    if (slots.allowed(type.name) === 0 || this.#gathersForMs(type.name) > 0) return count;
    // One batch a turn: other types' events need not wait until all slots of this one are filled.
    return count + (await this.#claimBatch(type, type.batch));
  }

  /**
   * Milliseconds until a batch that gathers is to be claimed, 0 when its time has come meanwhile; undefined when none
   * does.
   */
  gathersForMs(): number | undefined {
    const { slots, lanes } = this.#options;
    const gathering = [...this.#pressed.keys()].filter(
      (type) => slots.allowed(type) > 0 && lanes.due(type, 0).length > 0,
    );
    return gathering.length === 0 ? undefined : Math.min(...gathering.map((type) => this.#gathersForMs(type)));
  }

  #gathersForMs(type: string): number {
    return Math.max(0, (this.#pressed.get(type) ?? 0) - performance.now());
  }

  /** Resolves when no start is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#starts]);
  }

  /** Half of the type's free slots; of an odd number the greater half every other time, because one is often all there is. */
  #half(type: string): number {
    const allowed = this.#options.slots.allowed(type);
    const greater = shareLeft(allowed, 0);
    if (greater * 2 === allowed || this.#lessLast.delete(type)) return greater;
    this.#lessLast.add(type);
    return allowed - greater;
  }

  /** First priority first, shared evenly between the groups of a priority. */
  async #claimOwn(type: EventType, lane: number, wanted: number): Promise<number> {
    const { lanes } = this.#options;
    let left = wanted;
    for (let due = lanes.due(type.name, lane); left > 0 && due.length > 0; due = lanes.due(type.name, lane)) {
      const chosen = due.filter((each) => each.priority === due[0]?.priority).slice(0, left);
      const { rows } = await this.#take(chosen, evenShare(left, chosen.length));
      if (rows.some((row) => row.lateMs > PRESSURE_LATE_MS)) this.#pressed.set(type.name, 0);
      this.#startOwn(type, rows);
      left -= rows.length;
    }
    return wanted - left;
  }

  async #claimBatch(type: EventType, size: number): Promise<number> {
    const { workerId, lanes } = this.#options;
    const due = lanes.due(type.name, LANE.shared);
    const chosen = due.filter((each) => each.priority === due[0]?.priority).slice(0, size);
    if (chosen.length === 0) return 0;
    this.#batchNumber += 1;
    const workflowId = `${type.name}:batch:${workerId.slice(0, 8)}-${this.#batchNumber}`;
    const { rows, claimed } = await this.#take(chosen, evenShare(size, chosen.length), workflowId);
    const emptied = lanes.due(type.name, LANE.shared).length === 0;
    // One event in all that time: the next ones have time for a workflow each.
    if (emptied && claimed <= 1) this.#pressed.delete(type.name);
    else this.#pressed.set(type.name, emptied ? performance.now() + GATHER_MS : 0);
    if (claimed === 1) this.#startOwn(type, rows);
    else if (rows.length > 0) this.#startBatch(type, workflowId, rows);
    return claimed;
  }

  async #take(from: KnownLane[], take: number, workflowId?: string): Promise<{ rows: Claimed[]; claimed: number }> {
    const { pool, workerId, lanes } = this.#options;
    const pass = await this.#options.admission?.pass(from, take);
    const [passing, each] = pass ? [pass.lanes, pass.take] : [from, take];
    if (passing.length === 0) return { rows: [], claimed: 0 };
    let admitted: Claimed[] = [];
    try {
      const rows = await claim(pool, { workerId, lanes: passing, take: each, workflowId });
      lanes.claimed(passing, each, rows);
      this.counters.claimed += rows.length;
      admitted = await this.#refuseBad(rows);
      return { rows: admitted, claimed: rows.length };
    } finally {
      pass?.claimed(admitted);
    }
  }

  /** Ends those whose payload came by SQL and isn't what the type takes. */
  async #refuseBad(rows: Claimed[]): Promise<Claimed[]> {
    const { pool, types, workerId, log } = this.#options;
    const refused = rows.flatMap((row) => {
      const type = types.get(row.type);
      const admission = row.uncheckedPayload === null || !type ? undefined : admit(types, type, row.uncheckedPayload);
      if (!admission || !('refusal' in admission)) return [];
      return [{ id: row.id, generation: row.generation, error: admission.refusal }];
    });
    if (refused.length === 0) return rows;
    const ended = await refuseQueued(pool, refused, `relay ${workerId}`);
    for (const { id, error } of refused.filter((each) => ended.has(each.id)))
      log.info({ event: id, state: 'EXTINCT', error }, 'event extinct');
    const ids = new Set(refused.map((each) => each.id));
    return rows.filter((row) => !ids.has(row.id));
  }

  #startOwn(type: EventType, rows: Claimed[]): void {
    const { slots, starter } = this.#options;
    for (const row of rows) {
      const workflowId = eventWorkflowId(row.type, row.key, type.keyPrivate);
      slots.take(workflowId, { type: type.name, claimed: toHold([row]), quarantine: row.lane === LANE.quarantine });
      this.#launch(workflowId, type, [row], starter.startEvent(type, row));
    }
  }

  #startBatch(type: EventType, workflowId: string, rows: Claimed[]): void {
    const { slots, starter } = this.#options;
    this.counters.batches += 1;
    this.counters.batchMembers += rows.length;
    slots.take(workflowId, { type: type.name, claimed: toHold(rows), quarantine: false });
    this.#launch(workflowId, type, rows, starter.startBatch(type, workflowId, rows));
  }

  #launch(workflowId: string, type: EventType, rows: Claimed[], starting: Promise<boolean>): void {
    const spans = rows.map((row) => receiving(this.#options.tracing ?? untraced, row));
    const end = (errorType?: string): void => {
      for (const span of spans) span.end({}, errorType);
    };
    const done: Promise<void> = starting
      .then((eager) => {
        end();
        this.counters.started += 1;
        if (eager) this.counters.startedEagerly += 1;
        this.pauseMs = 0;
      })
      .catch((error: Error) => {
        end(error.name);
        return this.#putBack(workflowId, type, rows, error);
      })
      .finally(() => {
        this.#starts.delete(done);
        this.#options.onStart();
      });
    this.#starts.add(done);
  }

  async #putBack(workflowId: string, type: EventType, rows: Claimed[], error: Error): Promise<void> {
    const { slots, pool, log } = this.#options;
    slots.release(workflowId);
    this.#options.admission?.lost(rows);
    const taken = error instanceof WorkflowIdTaken;
    if (!taken) this.pauseMs = Math.min(Math.max(FAILURE_PAUSE_MS, this.pauseMs * 2), FAILURE_PAUSE_MAX_MS);
    const cause = (error.cause as Error | undefined)?.message;
    log.warn({ workflowId, type: type.name, error: error.message, cause }, 'start failed, trying again');
    // What can't be put back now is freed when its claim is overdue.
    await unclaim(pool, rows, taken ? ID_TAKEN_PAUSE_MS : this.pauseMs).catch(() => {});
  }
}

/** Without the payloads. */
function toHold(rows: readonly Claimed[]): ClaimedEvent[] {
  return rows.map(({ id, generation }) => ({ id, generation }));
}
