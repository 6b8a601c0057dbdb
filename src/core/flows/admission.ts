// How events pass their flows. The relay claims only what may soon go: it passes over lanes whose flow is paused or has
// nothing free, and reserves for what it claims. The attempt itself then goes at one of the reserved instants; an event
// that comes too late for any goes back to the queue.

import { evenShare } from '../share.ts';
import type { FlowBook } from './book.ts';
import type { Flows } from './flows.ts';
import type { Gate } from './gate.ts';
import type { Gates } from './gates.ts';
import type { GroupsOf, Leave } from './stays.ts';

/** The relay asks for instants up to so far beyond its lead: what it claims holds a slot until then. */
const RELAY_AHEAD_MS = 250;
/** A flow that had nothing free is looked at again after this, when nothing says before that something is. */
const RELAY_AGAIN_MS = 25;
/** How long an attempt waits at most for its instant. */
const ENTER_WITHIN_MS = 3_000;
/** What the relay has let in and hasn't come by then has gone elsewhere. */
const EXPECTED_MS = 10_000;
/** Between the claim and the attempt, at least and at most; what attempts last took decides. */
const LEAD_MS_MIN = 10;
const LEAD_MS_MAX = 1_000;
const LEAD_FORGOTTEN_PER_ATTEMPT = 0.98;

/** A lane of the queue, as far as flows are concerned. */
interface OfGroup {
  type: string;
  group: string;
}

export interface Pass<Lane> {
  lanes: Lane[];
  /** Events of each lane at most. */
  take: number;
  /** To be called with those that were claimed, even when there are none. */
  claimed(rows: readonly { id: string; group: string }[]): void;
}

interface Expected {
  group: string;
  gates: readonly Gate[];
  atMs: number;
}

export interface AdmissionOptions {
  flows: Flows;
  gates: Gates;
  book: FlowBook;
  groupsOf: GroupsOf;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #expected = new Map<string, Expected>();
  #leadMs = LEAD_MS_MIN;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** When events of this lane may be claimed (performance.now): 0 for now, infinite while its flow is paused. */
  readonly openAtMs = ({ type, group }: OfGroup): number => {
    const { book, gates } = this.#options;
    if (!book.has(type)) return 0;
    const nowMs = performance.now();
    const times = gates.of(type, group).map((gate) => {
      if (gate.flow.paused) return Number.POSITIVE_INFINITY;
      return gate.room(nowMs) > 0 ? 0 : Math.max(gate.askAgainMs(), gate.relayAgainMs);
    });
    return Math.max(0, ...times);
  };

  /**
   * Of lanes of one type, those that may be claimed from now, and how much of each: undefined when all may. Rejects when the
   * ledger is away.
   */
  async pass<Lane extends OfGroup>(lanes: readonly Lane[], take: number): Promise<Pass<Lane> | undefined> {
    const { book, gates } = this.#options;
    const type = lanes[0]?.type ?? '';
    if (!book.has(type)) return undefined;
    this.#forgetLost();
    const own = new Map(lanes.map((lane) => [lane.group, gates.of(type, lane.group)]));
    if ([...own.values()].every((each) => each.length === 0)) return undefined;
    const wide = [...own.values()].flat().find((gate) => gate.flow.group === '');
    const ofGroups = [...own.values()].flat().filter((gate) => gate !== wide);
    await this.#fill(ofGroups, take);
    const roomOf = (lane: Lane): number =>
      own
        .get(lane.group)
        ?.filter((gate) => gate !== wide)
        .reduce((room, gate) => Math.min(room, gate.room(performance.now())), take) ?? take;
    const open = lanes.filter((lane) => roomOf(lane) > 0);
    if (wide && open.length > 0) await this.#fill([wide], take * open.length);
    const total = wide ? Math.min(wide.room(performance.now()), take * open.length) : take * open.length;
    const chosen = open.slice(0, total);
    const each = chosen.length === 0 ? 0 : Math.min(evenShare(total, chosen.length), ...chosen.map(roomOf));
    return this.#promise(chosen, each);
  }

  /** Whether any flow is set for the type or one of its groups. */
  limits(type: string): boolean {
    return this.#options.book.has(type);
  }

  /** An attempt of a type without a flow begins; returns what ends its stay. */
  enterFreely(id: string, type: string): Leave {
    return this.#options.flows.enterFreely(id, type);
  }

  /**
   * Resolves when an attempt may begin, to what ends its stay; to undefined when it must go back to the queue. Rejects when
   * the ledger is away.
   */
  async enter(id: string, type: string): Promise<Leave | undefined> {
    const { flows, groupsOf } = this.#options;
    const group = this.#arrived(id)?.group ?? (await groupsOf([id])).get(id) ?? '';
    if (flows.isPaused(type, group)) return undefined;
    return flows
      .take(type, group, { signal: AbortSignal.timeout(ENTER_WITHIN_MS), claimed: true })
      .catch(() => undefined);
  }

  async #fill(gates: readonly Gate[], wanted: number): Promise<void> {
    const askedMs = performance.now();
    const lacking = gates.filter((gate) => gate.room(askedMs) < wanted && gate.mayAsk(askedMs));
    if (lacking.length > 0)
      await this.#options.gates.ask(lacking, { extra: () => wanted, aheadMs: RELAY_AHEAD_MS, leadMs: this.#leadMs });
    const nowMs = performance.now();
    for (const gate of gates) if (gate.room(nowMs) === 0) gate.relayAgainMs = nowMs + RELAY_AGAIN_MS;
  }

  /** What is claimed under this pass is expected; until it is known, all that may be. */
  #promise<Lane extends OfGroup>(lanes: Lane[], take: number): Pass<Lane> {
    const { gates } = this.#options;
    const promised = lanes.flatMap((lane) => gates.of(lane.type, lane.group));
    for (const gate of promised) gate.expected += take;
    const atMs = performance.now();
    return {
      lanes,
      take,
      claimed: (rows) => {
        for (const gate of promised) gate.expected -= take;
        const type = lanes[0]?.type ?? '';
        for (const { id, group } of rows) {
          const own = gates.of(type, group);
          for (const gate of own) gate.expected += 1;
          this.#expected.set(id, { group, gates: own, atMs });
        }
      },
    };
  }

  /** Events that were let in and whose run could not be started. */
  lost(events: readonly { id: string }[]): void {
    for (const { id } of events) this.#forget(id);
  }

  #arrived(id: string): Expected | undefined {
    const expected = this.#forget(id);
    if (!expected) return undefined;
    const tookMs = performance.now() - expected.atMs;
    this.#leadMs = Math.min(LEAD_MS_MAX, Math.max(tookMs, LEAD_MS_MIN, this.#leadMs * LEAD_FORGOTTEN_PER_ATTEMPT));
    return expected;
  }

  #forget(id: string): Expected | undefined {
    const expected = this.#expected.get(id);
    if (!this.#expected.delete(id)) return undefined;
    for (const gate of expected?.gates ?? []) gate.expected -= 1;
    return expected;
  }

  #forgetLost(): void {
    const before = performance.now() - EXPECTED_MS;
    for (const [id, { atMs }] of this.#expected) {
      // They stand in the order in which they were claimed.
      if (atMs > before) return;
      this.#forget(id);
    }
  }
}
