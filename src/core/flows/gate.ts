// What this worker has reserved of one flow: instants at which something may go, and places for what is under way. It only
// counts; flows.ts decides who goes, and asks the ledger for more.

import { Recent } from './recent.ts';
import { instantsOf, lateMaxMs, spacingMs } from './rules.ts';
import type { FlowRow, Reservation, Reserved } from './store.ts';

/** With this much or less ahead the next instants are asked for, so that they follow without a gap. */
const REFILL_BELOW_MS = 200;
/** Where instants lie so close, some are reserved for those who will come; elsewhere what nobody uses would be missed. */
const AHEAD_SPACING_MS_MAX = 20;
/** When somebody waits for places of others, how long until they are asked for again. */
const PLACES_AGAIN_MS = 100;

export class Gate {
  flow: FlowRow;
  /** Instants, oldest first: the next one, how many there are, and how far apart. */
  #stretches: { nextMs: number; count: number; spacingMs: number }[] = [];
  free = 0;
  used = 0;
  readonly #recent = new Recent();
  /** Whether the ledger doesn't know yet of places that are used. */
  untold = false;
  /** How many places went on with a workflow, ever. */
  wentOn = 0;
  /** What the relay has let in, or asked about, and hasn't come here yet. */
  expected = 0;
  /** Wanted by those who wait here: instants of the first, and of all, and places. */
  wantedFirst = 0;
  wantedInstants = 0;
  wantedPlaces = 0;
  /** Asking for instants is in vain before; and for places. */
  instantsAgainMs = 0;
  placesAgainMs = 0;
  /** When the relay looks here again: it found nothing free. */
  relayAgainMs = 0;

  constructor(flow: FlowRow) {
    this.flow = flow;
  }

  /** What was reserved under another rate may still be used; it is less than a second's worth. */
  change(flow: FlowRow): void {
    if (flow.rate?.limit !== this.flow.rate?.limit || flow.rate?.per !== this.flow.rate?.per) this.instantsAgainMs = 0;
    if (flow.maxInFlight !== this.flow.maxInFlight) this.placesAgainMs = 0;
    this.flow = flow;
    this.#giveBackAbove();
  }

  /**
   * When a call of this cost may go: `nowMs` or earlier when it may now, undefined when nothing is reserved for it. `take`
   * it at once, or ask again.
   */
  instant(cost: number, nowMs: number): number | undefined {
    const { rate } = this.flow;
    if (!rate) return nowMs;
    const { count, before } = instantsOf(cost, rate);
    this.#dropLate(nowMs, before);
    // A stretch that is too short for a dearer call is no use to it.
    while (this.#stretches[0] && this.#stretches[0].count < count) this.#stretches.shift();
    const [stretch] = this.#stretches;
    return stretch && stretch.nextMs + before * stretch.spacingMs;
  }

  /** Whether a call of cost 1 may go now, before nobody who waits. */
  isOpen(nowMs: number): boolean {
    const { maxInFlight, paused } = this.flow;
    if (paused || this.wantedInstants > 0 || this.wantedPlaces > 0) return false;
    if (maxInFlight !== null && this.free === 0) return false;
    const atMs = this.instant(1, nowMs);
    return atMs !== undefined && atMs <= nowMs;
  }

  /** Uses a place that is free. */
  hold(): void {
    this.free -= 1;
    this.used += 1;
  }

  /** A place is used no more. */
  release(): void {
    this.used -= 1;
    this.free += 1;
    this.#giveBackAbove();
  }

  /** Nobody here takes a place above a bound that was lowered meanwhile, whatever was reserved under the old one. */
  #giveBackAbove(): void {
    const { maxInFlight } = this.flow;
    const free = maxInFlight === null ? this.free : Math.max(0, Math.min(this.free, maxInFlight - this.used));
    if (free === this.free) return;
    this.free = free;
    this.untold = true;
  }

  /** `nowMs`: for a call, which may be followed by others like it; what a relay has claimed is told before it comes. */
  take(cost: number, nowMs?: number): void {
    const { rate } = this.flow;
    const count = rate ? instantsOf(cost, rate).count : 0;
    if (nowMs !== undefined) this.#recent.note(count, this.used, nowMs);
    const [stretch] = this.#stretches;
    if (!rate || !stretch) return;
    stretch.nextMs += count * stretch.spacingMs;
    stretch.count -= count;
    if (stretch.count <= 0) this.#stretches.shift();
  }

  /** Instants and places that nobody waits for here, nor is expected for. */
  room(nowMs: number): number {
    const { rate, maxInFlight, paused } = this.flow;
    if (paused) return 0;
    this.#dropLate(nowMs);
    const instants = rate ? this.#instants() - this.wantedInstants - this.expected : Number.POSITIVE_INFINITY;
    const places = maxInFlight === null ? Number.POSITIVE_INFINITY : this.free - this.wantedPlaces - this.expected;
    return Math.max(0, Math.min(instants, places));
  }

  /** Whether asking the ledger for more may help now. */
  mayAsk(nowMs: number): boolean {
    const { rate, maxInFlight, paused } = this.flow;
    if (paused) return false;
    return !(rate && nowMs < this.instantsAgainMs) && !(maxInFlight !== null && nowMs < this.placesAgainMs);
  }

  /** When the ledger may be asked with hope; 0 for now. */
  askAgainMs(): number {
    const { rate, maxInFlight } = this.flow;
    return Math.max(rate ? this.instantsAgainMs : 0, maxInFlight === null ? 0 : this.placesAgainMs);
  }

  /** What to ask the ledger for, beyond those who wait here `extra`; undefined when it has what is wanted. */
  wish(
    nowMs: number,
    { extra = 0, leadMs = 0 } = {},
  ): Omit<Reservation, 'type' | 'group' | 'aheadMs' | 'leadMs'> | undefined {
    const { rate, maxInFlight } = this.flow;
    const instants = rate && nowMs >= this.instantsAgainMs ? this.#lacking(nowMs, extra, leadMs) : 0;
    const asked = maxInFlight === null ? 0 : this.wantedPlaces + this.expected + extra;
    const wanted = Math.max(asked, this.keeps(nowMs));
    const places = wanted < this.free || (wanted > this.free && nowMs >= this.placesAgainMs);
    if (instants === 0 && !places && !this.untold) return undefined;
    const first = Math.max(1, this.wantedFirst);
    return { instantsMin: Math.min(first, instants), instants, used: this.used, wanted };
  }

  /** Takes in what the ledger gave. */
  granted(
    given: Reserved,
    asked: { instants: number; used: number; wanted: number; wentOn: number; leadMs: number },
    fromMs: number,
    nowMs: number,
  ): void {
    const { rate, maxInFlight } = this.flow;
    if (rate && given.instants > 0) {
      this.#stretches.push({ nextMs: fromMs, count: given.instants, spacingMs: spacingMs(rate) });
    } else if (rate && asked.instants > 0) {
      // Before it is too near for who asks: instants that nobody can reach any more are lost.
      this.instantsAgainMs = fromMs - asked.leadMs - REFILL_BELOW_MS;
    }
    if (maxInFlight === null) return;
    const wentOn = this.wentOn - asked.wentOn;
    this.untold = wentOn > 0;
    // Some may have been used or given back meanwhile.
    this.free = Math.max(0, given.places - this.used - wentOn);
    if (given.places < asked.used + asked.wanted) this.placesAgainMs = nowMs + PLACES_AGAIN_MS;
  }

  /** Places that nobody wants now and that were used a moment ago: whoever comes next needn't ask for them. */
  keeps(nowMs: number): number {
    return this.free === 0 ? 0 : Math.max(0, Math.min(this.free, this.#recent.used(nowMs) - this.used));
  }

  #lacking(nowMs: number, extra: number, leadMs: number): number {
    const { rate } = this.flow;
    const soon = rate && spacingMs(rate) <= AHEAD_SPACING_MS_MAX ? this.#recent.taken(nowMs) : 0;
    const waiting = this.wantedInstants + this.expected + extra;
    this.#dropLate(nowMs);
    if (waiting <= this.#instants() && this.#instants() >= soon / 2) return 0;
    const wanted = waiting + soon;
    const last = this.#stretches.at(-1);
    const lastsMs = last ? last.nextMs + last.count * last.spacingMs - nowMs : 0;
    const lacking = wanted - this.#instants();
    if (lacking <= 0) return 0;
    // Enough for now: the rest is asked for when it comes near, and until then others may have it.
    return this.#instants() >= Math.max(1, this.wantedFirst) && lastsMs > leadMs + REFILL_BELOW_MS ? 0 : lacking;
  }

  #instants(): number {
    return this.#stretches.reduce((sum, each) => sum + each.count, 0);
  }

  /** Those whose call, `before` instants later, would go too late. */
  #dropLate(nowMs: number, before = Math.max(0, this.wantedFirst - 1) / 2): void {
    const { rate } = this.flow;
    const lateMs = rate ? lateMaxMs(rate) : 0;
    for (let [first] = this.#stretches; first; [first] = this.#stretches) {
      const lost = Math.ceil((nowMs - lateMs - first.nextMs) / first.spacingMs - before);
      if (lost <= 0) return;
      first.count -= lost;
      first.nextMs += lost * first.spacingMs;
      if (first.count > 0) return;
      this.#stretches.shift();
    }
  }
}
