// What is under way in this worker: so that a bound that is set later, or raised and lowered, counts what began before it.

import type { Logger } from 'pino';
import type { FlowBook } from './book.ts';
import type { Gate } from './gate.ts';
import type { Gates } from './gates.ts';

/**
 * Says that what went ahead is over, and gives its places in flight back. Saying it again does nothing. `goesOn`: a workflow
 * goes on with it, which the ledger counts from now on, so nobody here may have its places before the ledger was asked.
 */
export type Leave = (goesOn?: boolean) => void;

/** Which groups these events have, by id. */
export type GroupsOf = (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>;

export interface Stay {
  type: string;
  /** Undefined while nobody needed to know it: that of the event `id`. */
  group: string | undefined;
  id?: string;
  /** Those that it has a place of. */
  places: Gate[];
}

export interface StaysOptions {
  gates: Gates;
  book: FlowBook;
  groupsOf: GroupsOf;
  onLeave(places: readonly Gate[], goesOn: boolean): void;
  /** Some that were not counted before are now. */
  onCounted(): void;
  log: Logger;
}

export class Stays {
  readonly #options: StaysOptions;
  readonly #inside = new Set<Stay>();

  constructor(options: StaysOptions) {
    this.#options = options;
  }

  enter(stay: Stay): Leave {
    this.#inside.add(stay);
    return (goesOn = false) => {
      if (this.#inside.delete(stay) && stay.places.length > 0) this.#options.onLeave(stay.places, goesOn);
    };
  }

  /** Gives everything that is under way its places, after flows have changed. */
  count(): void {
    const { book, groupsOf, onCounted, log } = this.#options;
    const unknown = [...this.#inside].filter((each) => each.group === undefined && book.has(each.type));
    this.#place();
    if (unknown.length === 0) return;
    void groupsOf(unknown.flatMap((each) => each.id ?? []))
      .then((groups) => {
        for (const stay of unknown) stay.group = groups.get(stay.id ?? '') ?? '';
        this.#place();
        onCounted();
      })
      // The next change, or the end of the attempt, mends it.
      .catch((error: Error) => log.warn({ error: error.message }, 'what is under way is not counted yet'));
  }

  #place(): void {
    for (const stay of this.#inside) {
      if (stay.group === undefined) continue;
      for (const gate of this.#options.gates.of(stay.type, stay.group)) {
        if (gate.flow.maxInFlight === null || stay.places.includes(gate)) continue;
        stay.places.push(gate);
        gate.used += 1;
        gate.untold = true;
      }
    }
  }
}
