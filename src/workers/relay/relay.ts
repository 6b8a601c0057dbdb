// The relay: takes due events from the queue in order of priority, in turns between groups and types, and starts runs
// for them while there are slots. A backlog waits in Postgres, never in Temporal or in memory.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { EventTypes } from '../../core/event-types.ts';
import type { Admission } from '../../core/flows/admission.ts';
import type { Listener } from '../../core/ledger/listener.ts';
import { DUE_CHANNEL } from '../../core/ledger/queue.ts';
import type { Tracing } from '../../core/tracing/index.ts';
import { type Bell, createBell, type Hearing } from './bell.ts';
import { Dispatcher, type RelayCounters } from './dispatcher.ts';
import { heldRuns } from './held.ts';
import { createLanes, type Lanes } from './lanes.ts';
import { createSlots, type Slots } from './slots.ts';
import type { Starter } from './starter.ts';
import { createWaker } from './waker.ts';

const LOOK_AGAIN_MS = 100;
const LOOK_ON_MS = 25;
const POLL_MS = 1_000;
const SLEEP_MS: Record<Hearing, number> = { new: 25, partly: LOOK_AGAIN_MS, all: POLL_MS };
/** After a ring that found no free slot. */
const FULL_PAUSE_MS = 25;
/** So many rings in a row for other workers' types, and it isn't rung for meanwhile. */
const VAIN_RINGS_MAX = 3;
const DEAF_MS = 1_000;
const LEDGER_PAUSE_MS = 250;
const LEDGER_PAUSE_MAX_MS = 5_000;
/** Runs in flight for longer than this are looked up in the ledger. */
const HELD_CHECK_AFTER_MS = 2_000;
/** And no more often than this: a target that hangs may hold them, and all of their members, for minutes. */
const HELD_CHECK_EVERY_MS = 2_000;

export interface RelayOptions {
  workerId: string;
  pool: Pool;
  types: EventTypes;
  starter: Starter;
  listener: Listener;
  /** What the flows of events let pass; absent: everything. */
  admission?: Admission | undefined;
  slots: number;
  batch: boolean;
  tracing?: Tracing | undefined;
  log: Logger;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #slots: Slots;
  readonly #lanes: Lanes;
  readonly #dispatcher: Dispatcher;
  readonly #waker = createWaker();
  readonly #bell: Bell;
  #stopping = false;
  #drained = false;
  #looping: Promise<void> | undefined;
  #rotation = 0;
  #rungInVain = false;
  /** Rings in a row for events of types that it doesn't have. */
  #vainRings = 0;
  /** It doesn't arm the bell before (performance.now). */
  #deafUntil = 0;
  /** Whether it has looked at the queue since it armed the bell. */
  #looked = false;
  /** When it last asked what its runs still hold (performance.now). */
  #heldCheckedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#bell = createBell(options.pool);
    this.#slots = createSlots(options.slots);
    const names = new Set(options.types.all().map((type) => type.name));
    this.#lanes = createLanes(options.pool, names, { openAtMs: options.admission?.openAtMs });
    this.#dispatcher = new Dispatcher({
      ...options,
      lanes: this.#lanes,
      slots: this.#slots,
      onStart: () => this.#waker.wake(),
    });
  }

  get counters(): Readonly<RelayCounters> {
    return this.#dispatcher.counters;
  }

  start(): void {
    const ring = (): void => this.#waker.ring();
    this.#options.listener.listen(DUE_CHANNEL, ring, ring);
    this.#looping = this.#loop();
  }

  /** Claims nothing more; resolves when no start is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#waker.ring();
    await this.#looping;
    await this.#dispatcher.settled();
  }

  /** A run no longer holds its slot. In quarantine it keeps its place for what follows, such as its compensation. */
  readonly runDone = (workflowId: string, goesOn = false): void => {
    if (goesOn && this.#slots.isQuarantined(workflowId)) return;
    if (this.#slots.release(workflowId)) this.#waker.wake();
  };

  /** Whether it claims nothing for now. */
  readonly drain = (drained: boolean): void => {
    if (this.#drained && !drained) this.#waker.wake();
    this.#drained = drained;
  };

  /** A flow has changed: what was passed over may go now. */
  readonly flowsChanged = (): void => this.#waker.wake();

  async #loop(): Promise<void> {
    let pauseMs = 0;
    while (!this.#stopping) {
      try {
        if (this.#dispatcher.pauseMs > 0) await this.#waker.pause(this.#dispatcher.pauseMs);
        if (this.#stopping) return;
        if ((await this.#turn()) === 0) await this.#rest();
        pauseMs = 0;
      } catch (error) {
        pauseMs = Math.min(Math.max(LEDGER_PAUSE_MS, pauseMs * 2), LEDGER_PAUSE_MAX_MS);
        this.#options.log.warn({ error: (error as Error).message }, 'the ledger is away, the relay waits');
        await this.#waker.pause(pauseMs);
      }
    }
  }

  /** Serves every type that has something due, another one first each time; resolves to how many events were claimed. */
  async #turn(): Promise<number> {
    // One ring is enough, also when it is too early to look.
    const [, rung] = await Promise.all([this.#waker.isUrgent() && this.#bell.silence(), this.#look()]);
    const due = this.#lanes.dueTypes();
    this.#rotation += 1;
    let count = 0;
    for (let index = 0; index < due.length && !this.#stopping && !this.#drained; index++) {
      const type = this.#options.types.get(due[(index + this.#rotation) % due.length] ?? '');
      if (type && this.#slots.allowed(type.name) > 0) count += await this.#dispatcher.serve(type);
    }
    this.#rungInVain = rung && count === 0;
    return count;
  }

  /** Looks at the queue unless it is too early; resolves to whether it did so for a ring. */
  async #look(): Promise<boolean> {
    if (this.#lanes.restLeftMs() > 0) return false;
    const rung = this.#waker.takeUrgent();
    if (await this.#lanes.refresh(rung)) this.#looked = true;
    return rung;
  }

  async #rest(): Promise<void> {
    await this.#releaseLost();
    // Something came, and it is too early to ask what.
    if (this.#waker.isUrgent()) return this.#waker.pause(Math.max(1, this.#lanes.restLeftMs()));
    // What is due may be in a group that the look before has left out.
    if (this.#lanes.goesOn()) return this.#waker.sleep(Math.max(LOOK_ON_MS, this.#lanes.restLeftMs()));
    const longestMs = await this.#longestSleepMs();
    const dueInMs = this.#lanes.nextDueInMs() ?? POLL_MS;
    // What is due now waits for its batch to gather, or for a slot, and a slot that becomes free wakes.
    const waitMs = dueInMs === 0 ? (this.#dispatcher.gathersForMs() ?? longestMs) : dueInMs;
    return this.#waker.sleep(Math.max(1, Math.min(waitMs, longestMs)));
  }

  /** Arms the bell, unless it rang in vain just now: each further ring would cost everybody's commits a NOTIFY. */
  async #longestSleepMs(): Promise<number> {
    if (this.#rungInVain) {
      this.#rungInVain = false;
      // No slot is free for what came; of other types something may come.
      if (this.#lanes.dueTypes().length > 0) return FULL_PAUSE_MS;
      // Nothing that came is of its types. While that goes on it looks often instead, and nobody has to ring.
      this.#vainRings += 1;
      if (this.#vainRings >= VAIN_RINGS_MAX) this.#deafUntil = performance.now() + DEAF_MS;
      return LOOK_AGAIN_MS;
    }
    if (performance.now() < this.#deafUntil) return LOOK_AGAIN_MS;
    const hearing = await this.#bell.arm(POLL_MS, this.#looked);
    this.#looked = false;
    // It has slept through at least once.
    if (hearing !== 'new') this.#vainRings = 0;
    // Not so soon that it would be too early to look.
    return Math.max(SLEEP_MS[hearing], this.#lanes.restLeftMs());
  }

  /** Slots whose run went on elsewhere (another worker took its first task), or lost its events, are found in the ledger. */
  async #releaseLost(): Promise<void> {
    const old = this.#slots.olderThan(HELD_CHECK_AFTER_MS);
    if (old.length === 0 || performance.now() - this.#heldCheckedAt < HELD_CHECK_EVERY_MS) return;
    this.#heldCheckedAt = performance.now();
    const held = await heldRuns(this.#options.pool, old);
    for (const { workflowId } of old) if (!held.has(workflowId)) this.#slots.release(workflowId);
  }
}
