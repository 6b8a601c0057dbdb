// The sockets of one API process. A wake-up names users; one statement then reads what their sockets have not been sent,
// each from its own cursor, so that replay and live are the same thing and nothing falls between them. NOTIFY may be
// lost, so a slow poll stands behind it.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { Listener } from '../../../core/ledger/listener.ts';
import type { Notification } from '../messages.ts';
import { acknowledge, lastId, NOTIFICATION_CHANNEL, type Position, readAfter } from '../store.ts';
import { Acks } from './acks.ts';
import { CLOSE, Connection } from './connection.ts';
import { notificationFrame } from './frames.ts';

export interface GatewayDependencies {
  pool: Pool;
  log: Logger;
  /** Made by `start`; stopped by `stop`. */
  createListener: () => Listener;
  limits: { socketsPerUser: number; socketsTotal: number };
  timing?: Partial<GatewayTiming>;
}

/** How quickly a gateway notices things; tests shorten it. */
export interface GatewayTiming {
  pollMs: number;
  pingMs: number;
  slowMs: number;
  closeMs: number;
}

const TIMING: GatewayTiming = { pollMs: 1_500, pingMs: 15_000, slowMs: 10_000, closeMs: 2_000 };
const POSITIONS_PER_READ_MAX = 500;
const PAGE = { rows: 100, bytes: 128 * 1_024 };

export class Gateway {
  readonly #pool: Pool;
  readonly #log: Logger;
  readonly #createListener: () => Listener;
  readonly #limits: GatewayDependencies['limits'];
  readonly #timing: GatewayTiming;
  readonly #acks: Acks;
  readonly #connections = new Map<string, Set<Connection>>();
  readonly #reserved = new Map<string, number>();
  #reservedTotal = 0;
  /** Connections for which there may be something to read, first come first served. */
  readonly #behind = new Set<Connection>();
  #pumping: Promise<void> | undefined;
  #listener: Listener | undefined;
  #timers: NodeJS.Timeout[] = [];
  #stopping = false;
  #onEmpty: (() => void) | undefined;

  constructor({ pool, log, createListener, limits, timing }: GatewayDependencies) {
    this.#pool = pool;
    this.#log = log;
    this.#createListener = createListener;
    this.#limits = limits;
    this.#timing = { ...TIMING, ...timing };
    this.#acks = new Acks((acks) => acknowledge(pool, acks), log);
  }

  get sockets(): number {
    return this.#reservedTotal;
  }

  /** A user's open sockets, and up to which id each of them has been sent everything. */
  socketsOf(user: string): { sockets: number; sentUpTo: string | null } {
    const cursors = [...(this.#connections.get(user) ?? [])].map(({ cursor }) => BigInt(cursor));
    const [least] = cursors.sort((one, other) => Number(one - other));
    return { sockets: cursors.length, sentUpTo: least === undefined ? null : String(least) };
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  start(): void {
    this.#listener = this.#createListener();
    this.#listener.listen(
      NOTIFICATION_CHANNEL,
      (payload) => this.#wake(payload.split('\n')),
      () => this.#wakeAll(),
    );
    this.#timers = [
      setInterval(() => this.#tick(), this.#timing.pollMs),
      setInterval(() => this.#forEach((connection) => connection.ping()), this.#timing.pingMs),
    ];
  }

  /** Takes a place for a socket of the user, or says which limit is reached. */
  reserve(user: string): 'user' | 'total' | undefined {
    const ofUser = this.#reserved.get(user) ?? 0;
    if (ofUser >= this.#limits.socketsPerUser) return 'user';
    if (this.#reservedTotal >= this.#limits.socketsTotal) return 'total';
    this.#reserved.set(user, ofUser + 1);
    this.#reservedTotal += 1;
    return undefined;
  }

  release(user: string): void {
    const ofUser = (this.#reserved.get(user) ?? 0) - 1;
    if (ofUser > 0) this.#reserved.set(user, ofUser);
    else this.#reserved.delete(user);
    this.#reservedTotal -= 1;
    if (this.#reservedTotal === 0) this.#onEmpty?.();
  }

  /**
   * Where a socket starts: at `after`, or at what has been committed by now. An `after` beyond that comes from a ledger
   * that was restored to an earlier moment; obeying it would hide what comes next.
   */
  async startingPoint(user: string, after: string | undefined): Promise<string> {
    const last = await lastId(this.#pool, user);
    return after === undefined || BigInt(after) > BigInt(last) ? last : after;
  }

  /** Takes over an open socket, whose place was reserved. */
  add(socket: WebSocket, user: string, cursor: string): void {
    const connection = new Connection(socket, user, cursor, {
      onDrain: (drained) => this.#read([drained]),
      onAck: (acked, id) => this.#acks.add(acked, id),
      onClose: (closed) => this.#remove(closed),
    });
    const ofUser = this.#connections.get(user) ?? new Set();
    this.#connections.set(user, ofUser.add(connection));
    if (this.#stopping) connection.close(CLOSE.goingAway, 'the server is stopping: connect again with after');
    else this.#read([connection]);
  }

  /** Closes every socket with 1001; what doesn't close in time is cut. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#listener?.stop();
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    this.#forEach((connection) =>
      connection.close(CLOSE.goingAway, 'the server is stopping: connect again with after'),
    );
    const cut = setTimeout(() => this.#forEach((connection) => connection.terminate()), this.#timing.closeMs);
    if (this.#reservedTotal > 0) await empty;
    clearTimeout(cut);
    await this.#pumping;
    await this.#acks.flush();
    this.#acks.stop();
  }

  #remove(connection: Connection): void {
    const ofUser = this.#connections.get(connection.user);
    ofUser?.delete(connection);
    if (ofUser?.size === 0) this.#connections.delete(connection.user);
    this.#behind.delete(connection);
    this.release(connection.user);
  }

  #forEach(visit: (connection: Connection) => void): void {
    for (const ofUser of this.#connections.values()) for (const connection of ofUser) visit(connection);
  }

  #wake(users: readonly string[]): void {
    this.#read(users.flatMap((user) => [...(this.#connections.get(user) ?? [])]));
  }

  #wakeAll(): void {
    this.#wake([...this.#connections.keys()]);
  }

  #tick(): void {
    const nowMs = performance.now();
    let dropped = 0;
    this.#forEach((connection) => {
      if (connection.dropIfSlow(nowMs, this.#timing.slowMs)) dropped += 1;
    });
    if (dropped > 0) this.#log.warn({ sockets: dropped }, 'slow sockets were closed');
    this.#wakeAll();
  }

  #read(connections: readonly Connection[]): void {
    for (const connection of connections) this.#behind.add(connection);
    if (this.#behind.size > 0 && !this.#stopping) this.#pumping ??= this.#pump();
  }

  async #pump(): Promise<void> {
    try {
      while (this.#behind.size > 0 && !this.#stopping) await this.#readBatch(this.#takeBatch());
    } catch (error) {
      // The poll looks again; cursors haven't moved.
      this.#log.warn({ error: (error as Error).message }, 'notifications could not be read, trying again');
    } finally {
      // In the same turn as the last look at #behind: a moment later a wake-up could be missed.
      this.#pumping = undefined;
    }
  }

  /** Sockets at the same place of the same inbox share a position. */
  #takeBatch(): Map<string, { position: Position; connections: Connection[] }> {
    const batch = new Map<string, { position: Position; connections: Connection[] }>();
    for (const connection of this.#behind) {
      if (batch.size === POSITIONS_PER_READ_MAX) break;
      this.#behind.delete(connection);
      // One that is full comes back by onDrain.
      if (!connection.ready) continue;
      const { user, cursor } = connection;
      const name = `${cursor} ${user}`;
      const place = batch.get(name) ?? { position: { user, after: cursor }, connections: [] };
      place.connections.push(connection);
      batch.set(name, place);
    }
    return batch;
  }

  async #readBatch(batch: Map<string, { position: Position; connections: Connection[] }>): Promise<void> {
    const places = [...batch.values()];
    if (places.length === 0) return;
    const pages = await readAfter(
      this.#pool,
      places.map(({ position }) => position),
      PAGE,
    );
    const nowMs = performance.now();
    places.forEach(({ connections }, index) => {
      const page = pages[index];
      if (page === undefined) return;
      const frames = page.notifications.map((each: Notification) => notificationFrame(each));
      for (const connection of connections) {
        connection.send(page.notifications, frames, nowMs);
        if (page.more) this.#behind.add(connection);
      }
    });
  }
}
