// Who may go, under the flows of all workers together. Events pass here before their attempt begins and a feature's own
// calls before each request; where no flow is set, both pass at once and nothing is asked. Those who wait stand in line by
// type and group, first come first served, and lines take turns.

import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import type { FlowBook } from './book.ts';
import type { Gate } from './gate.ts';
import { type Gates, nameOf } from './gates.ts';
import { instantsWanted, type Line, type Waiter } from './line.ts';
import { instantsOf } from './rules.ts';
import { type GroupsOf, type Leave, Stays } from './stays.ts';

/** A call that waits asks for instants up to so far ahead. */
const CALL_AHEAD_MS = 1_000;
/** Places that nobody wants go back after this; those that were used a moment ago are looked at again. */
const PLACES_KEPT_MS = 20;
const KEEPING_LOOK_MS = 250;
const AWAY_PAUSE_MS = 250;
const TIMER_MS_MAX = 60_000;

export interface TakeOptions {
  /** How much of the rate it takes, 1 by default; a whole number. Of places in flight it always takes one. */
  cost?: number;
  /** Ends the wait: `take` rejects with its reason. */
  signal?: AbortSignal;
  /** An attempt, whose relay has reserved for it. */
  claimed?: boolean;
}

export interface FlowsOptions {
  gates: Gates;
  book: FlowBook;
  groupsOf: GroupsOf;
  log: Logger;
}

export class Flows {
  readonly #options: FlowsOptions;
  readonly #gates: Gates;
  readonly #lines = new Map<string, Line>();
  readonly #stays: Stays;
  #underWay = false;
  #awayUntilMs = 0;
  #idleSinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: FlowsOptions) {
    this.#options = options;
    this.#gates = options.gates;
    this.#stays = new Stays({
      ...options,
      onLeave: (places, goesOn) => this.#freePlaces(places, goesOn),
      onCounted: () => this.#pump(),
    });
    options.book.onChange(() => this.#changed());
  }

  /**
   * Resolves when a call, or an attempt, of this type and group may go, within every flow that is set for it; at once where
   * none is. Then it must go at once, and call what this resolves to when it is over. While its flow is paused it waits.
   * Rejects with the reason of `signal`, or a RangeError for a cost that isn't a whole number from 1 on.
   */
  take(type: string, group: string, { cost = 1, signal, claimed = false }: TakeOptions = {}): Promise<Leave> {
    if (!Number.isInteger(cost) || cost < 1)
      return Promise.reject(new RangeError(`a cost is a whole number from 1 on`));
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#options.book.of(type, group).length === 0)
      return Promise.resolve(this.#stays.enter({ type, group, places: [] }));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#giveUp(line, waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        type,
        group,
        cost,
        claimed,
        places: [],
        go(leave) {
          signal?.removeEventListener('abort', onAbort);
          resolve(leave);
        },
      };
      // Many may wait under one signal.
      if (signal) setMaxListeners(0, signal);
      signal?.addEventListener('abort', onAbort, { once: true });
      const name = nameOf(type, group);
      const line = this.#lines.get(name) ?? { type, group, waiters: [] };
      this.#lines.set(name, line);
      line.waiters.push(waiter);
      this.#pump();
    });
  }

  /** As `take`, when that needs no wait: somebody has reserved room, and nobody waits for it. Else undefined. */
  tryTake(type: string, group: string): Leave | undefined {
    if (this.#stopped || this.#lines.has(nameOf(type, group))) return undefined;
    const gates = this.#gates.of(type, group);
    const nowMs = performance.now();
    if (!gates.every((gate) => gate.isOpen(nowMs))) return undefined;
    const places = gates.filter((gate) => gate.flow.maxInFlight !== null);
    for (const gate of places) gate.hold();
    for (const gate of gates) gate.take(1, nowMs);
    return this.#stays.enter({ type, group, places });
  }

  /** Gives back what is reserved. Those who wait go on waiting, until their signals end it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#gates.returnAll();
  }

  /** An attempt of a type that no flow is set for; should one be set while it lasts, it counts. */
  enterFreely(id: string, type: string): Leave {
    return this.#stays.enter({ id, type, group: undefined, places: [] });
  }

  isPaused(type: string, group: string): boolean {
    return this.#options.book.of(type, group).some(({ paused }) => paused);
  }

  #changed(): void {
    this.#gates.changed();
    this.#stays.count();
    this.#pump();
  }

  #pump(): void {
    if (this.#stopped) return;
    for (const gate of this.#gates.all()) gate.wantedFirst = gate.wantedInstants = gate.wantedPlaces = 0;
    const nowMs = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    // Lines take turns: who has been served stands behind the others.
    const waiting = [...this.#lines.values()];
    for (let line = waiting.shift(); line; line = waiting.shift()) {
      const atMs = this.#serve(line, nowMs);
      if (atMs !== undefined) {
        nextMs = Math.min(nextMs, atMs);
        continue;
      }
      const name = nameOf(line.type, line.group);
      this.#lines.delete(name);
      if (line.waiters.length === 0) continue;
      this.#lines.set(name, line);
      waiting.push(line);
    }
    this.#wakeAt(Math.min(nextMs, this.#askForMore(nowMs)));
  }

  /** Lets the first of a line go; else returns when to look again (performance.now), and notes what the line wants. */
  #serve(line: Line, nowMs: number): number | undefined {
    const [waiter] = line.waiters;
    if (!waiter) return undefined;
    const gates = this.#gates.of(line.type, line.group);
    if (gates.some((gate) => gate.flow.paused)) return Number.POSITIVE_INFINITY;
    // The group's gate comes first: who waits there must hold nothing that other groups need.
    for (const gate of gates) {
      const { maxInFlight, rate } = gate.flow;
      if (maxInFlight !== null && !waiter.places.includes(gate)) {
        if (gate.free === 0) {
          gate.wantedPlaces += line.waiters.length;
          return gate.placesAgainMs > nowMs ? gate.placesAgainMs : Number.POSITIVE_INFINITY;
        }
        gate.hold();
        waiter.places.push(gate);
      }
      if (!rate) continue;
      const atMs = gate.instant(waiter.cost, nowMs);
      if (atMs !== undefined && atMs <= nowMs) continue;
      gate.wantedFirst ||= instantsOf(waiter.cost, rate).count;
      gate.wantedInstants += instantsWanted(line, rate);
      return atMs ?? (gate.instantsAgainMs > nowMs ? gate.instantsAgainMs : Number.POSITIVE_INFINITY);
    }
    for (const gate of gates) gate.take(waiter.cost, waiter.claimed ? undefined : nowMs);
    line.waiters.shift();
    waiter.go(this.#stays.enter(waiter));
    return undefined;
  }

  #freePlaces(places: readonly Gate[], goesOn = false): void {
    for (const gate of places) {
      if (!goesOn) gate.release();
      else {
        gate.used -= 1;
        gate.wentOn += 1;
        gate.untold = true;
      }
    }
    this.#pump();
  }

  #giveUp(line: Line, waiter: Waiter): void {
    line.waiters = line.waiters.filter((each) => each !== waiter);
    if (line.waiters.length === 0) this.#lines.delete(nameOf(line.type, line.group));
    this.#freePlaces(waiter.places);
  }

  /** Returns when to look again for those who wait (performance.now). */
  #askForMore(nowMs: number): number {
    if (this.#underWay) return Number.POSITIVE_INFINITY;
    const lacking: Gate[] = [];
    let [urgent, isKeeping] = [false, false];
    for (const gate of this.#gates.all()) {
      const wish = gate.wish(nowMs);
      isKeeping ||= gate.keeps(nowMs) > 0;
      if (wish) lacking.push(gate);
      urgent ||= wish !== undefined && (wish.instants > 0 || gate.wantedPlaces > 0 || gate.expected > 0);
    }
    if (lacking.length === 0) return isKeeping ? nowMs + KEEPING_LOOK_MS : Number.POSITIVE_INFINITY;
    if (nowMs < this.#awayUntilMs) return this.#awayUntilMs;
    if (!urgent) {
      // Idle places are kept for a moment: the next one may come at once.
      this.#idleSinceMs ??= nowMs;
      const untilMs = this.#idleSinceMs + PLACES_KEPT_MS;
      if (nowMs < untilMs) return untilMs;
    }
    this.#idleSinceMs = undefined;
    this.#underWay = true;
    void this.#gates
      .ask(lacking, { aheadMs: CALL_AHEAD_MS })
      .catch((error: Error) => {
        this.#options.log.warn({ error: error.message }, 'the ledger is away, flows wait');
        this.#awayUntilMs = performance.now() + AWAY_PAUSE_MS;
      })
      .finally(() => {
        this.#underWay = false;
        this.#pump();
      });
    return Number.POSITIVE_INFINITY;
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timer);
    if (!Number.isFinite(atMs)) return;
    // Timers count whole milliseconds, and may end a little early.
    const inMs = Math.min(Math.max(1, Math.ceil(atMs - performance.now())), TIMER_MS_MAX);
    this.#timer = setTimeout(() => this.#pump(), inMs);
  }
}
