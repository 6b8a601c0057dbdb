// One user's socket: what it was sent, whether it keeps up, and what it says. Its memory is bounded: a socket that
// doesn't read gets nothing further, and is dropped when that lasts.

import type { WebSocket } from 'ws';
import type { Notification } from '../messages.ts';
import { parseAck } from './frames.ts';

/** Close codes. 1001 and 1013 mean: connect again with `after`. */
export const CLOSE = { goingAway: 1001, badFrame: 1008, tooSlow: 1013 } as const;

export interface ConnectionEvents {
  /** The socket has taken what it was sent, and may be sent more. */
  onDrain(connection: Connection): void;
  onAck(connection: Connection, id: string): void;
  onClose(connection: Connection): void;
}

// A page is sent only to a socket that holds less than this, so that it holds at most this and a page.
const BUFFERED_BYTES_MAX = 256 * 1_024;
const UNWRITTEN_ACKS_MAX = 200;

export class Connection {
  readonly user: string;
  readonly #socket: WebSocket;
  readonly #events: ConnectionEvents;
  /** Everything up to this id has been sent, or was known to the client. */
  cursor: string;
  #alive = true;
  #fullSinceMs: number | undefined;
  #unwrittenAcks = 0;

  constructor(socket: WebSocket, user: string, cursor: string, events: ConnectionEvents) {
    this.#socket = socket;
    this.user = user;
    this.cursor = cursor;
    this.#events = events;
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('message', (data, isBinary) => this.#onMessage(isBinary ? undefined : data.toString()));
    // A protocol error closes the socket by itself, with a code that says so.
    socket.on('error', () => {});
    socket.on('close', () => events.onClose(this));
  }

  /** Whether it may be sent a page now; when not, `onDrain` says later. */
  get ready(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && this.#fullSinceMs === undefined;
  }

  get closed(): boolean {
    return this.#socket.readyState !== this.#socket.OPEN;
  }

  /** Sends notifications, as frames, that follow its cursor. */
  send(notifications: readonly Notification[], frames: readonly string[], nowMs: number): void {
    const last = notifications.at(-1);
    if (last === undefined || this.closed) return;
    this.cursor = last.id;
    frames.forEach((frame, index) => {
      this.#socket.send(frame, index === frames.length - 1 ? this.#onWritten : undefined);
    });
    if (this.#socket.bufferedAmount > BUFFERED_BYTES_MAX) this.#fullSinceMs ??= nowMs;
  }

  #onWritten = (): void => {
    if (this.#fullSinceMs === undefined || this.closed || this.#socket.bufferedAmount > BUFFERED_BYTES_MAX) return;
    this.#fullSinceMs = undefined;
    this.#events.onDrain(this);
  };

  /** Drops the socket when it has not taken what it was sent for `limitMs`, and says whether it did. */
  dropIfSlow(nowMs: number, limitMs: number): boolean {
    if (this.closed || this.#fullSinceMs === undefined || nowMs - this.#fullSinceMs < limitMs) return false;
    this.close(CLOSE.tooSlow, 'too slow: connect again with after');
    return true;
  }

  /** Asks whether the other side is there; one that hasn't answered the last time is gone. */
  ping(): void {
    if (!this.#alive) {
      this.#socket.terminate();
      return;
    }
    this.#alive = false;
    this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  ackWritten(): void {
    this.#unwrittenAcks -= 1;
    if (this.#unwrittenAcks < UNWRITTEN_ACKS_MAX && this.#socket.isPaused) this.#socket.resume();
  }

  #onMessage(text: string | undefined): void {
    const id = text === undefined ? undefined : parseAck(text);
    if (id === undefined) {
      this.close(CLOSE.badFrame, 'expected a text frame {"type":"ack","id":"..."}');
      return;
    }
    this.#unwrittenAcks += 1;
    // The ledger sets the pace: whoever acknowledges faster waits in its own TCP connection.
    if (this.#unwrittenAcks >= UNWRITTEN_ACKS_MAX) this.#socket.pause();
    this.#events.onAck(this, id);
  }
}
