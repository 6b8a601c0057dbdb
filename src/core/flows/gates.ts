// All gates of this worker, and the one way to the ledger's rows: one statement asks for what many gates lack.

import type { Pool } from 'pg';
import type { FlowBook } from './book.ts';
import { Gate } from './gate.ts';
import { createLedgerClock } from './ledger-clock.ts';
import { type Reservation, reserve } from './store.ts';

export interface Asking {
  /** Beyond what those who wait at the gate want. */
  extra?(gate: Gate): number;
  /** How near instants may lie, and how far ahead beyond that. */
  leadMs?: number;
  aheadMs: number;
}

export class Gates {
  readonly #options: { workerId: string; pool: Pool; book: FlowBook };
  readonly #gates = new Map<string, Gate>();
  readonly #clock = createLedgerClock();
  #asking: Promise<unknown> = Promise.resolve();

  constructor(options: { workerId: string; pool: Pool; book: FlowBook }) {
    this.#options = options;
  }

  /** Those of a type and group, the group's first. */
  of(type: string, group: string): Gate[] {
    return this.#options.book.of(type, group).map((flow) => {
      const name = nameOf(flow.type, flow.group);
      const gate = this.#gates.get(name) ?? new Gate(flow);
      this.#gates.set(name, gate);
      return gate;
    });
  }

  all(): Gate[] {
    return [...this.#gates.values()];
  }

  /** Flows have changed. */
  changed(): void {
    for (const [name, gate] of this.#gates) {
      const { type, group } = gate.flow;
      const flow = this.#options.book.of(type, group).find((each) => each.group === group);
      if (flow) gate.change(flow);
      else this.#gates.delete(name);
    }
  }

  /** Asks the ledger for what these gates lack. One asks at a time: an older answer must not be taken for a newer one. */
  ask(gates: readonly Gate[], asking: Asking): Promise<void> {
    const asked = this.#asking.then(() => this.#reserve(gates, asking));
    this.#asking = asked.catch(() => {});
    return asked;
  }

  /** Gives places back that nobody uses; never rejects. */
  async returnAll(): Promise<void> {
    await this.#asking;
    const idle = this.all().filter((gate) => gate.free > 0);
    for (const gate of idle) gate.free = 0;
    const nothing = { instantsMin: 0, instants: 0, aheadMs: 0, leadMs: 0, wanted: 0 };
    const returned = idle.map(({ flow, used }) => ({ type: flow.type, group: flow.group, used, ...nothing }));
    if (returned.length > 0) await reserve(this.#options.pool, this.#options.workerId, returned).catch(() => {});
  }

  async #reserve(gates: readonly Gate[], { extra, aheadMs, leadMs = 0 }: Asking): Promise<void> {
    const askedMs = performance.now();
    const wishes = gates.flatMap((gate) => {
      const wish = gate.wish(askedMs, { extra: extra?.(gate) ?? 0, leadMs });
      if (!wish) return [];
      // What is given back may be another worker's before the answer is here.
      gate.free = Math.min(gate.free, wish.wanted);
      return [{ gate, wish: { ...wish, wentOn: gate.wentOn } }];
    });
    if (wishes.length === 0) return;
    const wanted = wishes.map(
      ({ gate, wish: { wentOn: _, ...wish } }): Reservation => ({
        type: gate.flow.type,
        group: gate.flow.group,
        ...wish,
        aheadMs,
        leadMs,
      }),
    );
    const answers = await reserve(this.#options.pool, this.#options.workerId, wanted);
    const answeredMs = performance.now();
    for (const answer of answers) {
      this.#clock.observe(askedMs, answeredMs, answer.nowMs);
      const asked = wishes.find(({ gate: { flow } }) => flow.type === answer.type && flow.group === answer.group);
      asked?.gate.granted(answer, { ...asked.wish, leadMs }, this.#clock.here(answer.fromMs), answeredMs);
    }
  }
}

/** A type's name holds no space. */
export function nameOf(type: string, group: string): string {
  return `${type} ${group}`;
}
