// One request and its answer, gathered as it comes: without a stream and its promises for each, which cost more than the
// request itself where there are thousands a second.

import { setMaxListeners } from 'node:events';
import type { Dispatcher } from 'undici';
import { AnswerTooLate, type OutboundRequest } from './outbound.ts';

export interface Gathered {
  status: number;
  headers: Record<string, string>;
  /** As they came, still compressed. */
  bytes: Buffer;
  complete: boolean;
}

export interface Target {
  origin: string;
  /** With the query. */
  path: string;
}

/** Why reading ended from here. */
const ENOUGH = new Error('as much of the answer as was wanted has come');

/**
 * Rejects with AnswerTooLate, the signal's reason or the network's error, the last two only before the status has come.
 * `onOver` is called once, when nothing of it is under way any more.
 */
export function exchange(
  dispatcher: Dispatcher,
  target: Target,
  wanted: OutboundRequest,
  onOver: () => void,
): Promise<Gathered> {
  return new Promise((resolve, reject) => {
    new Exchange(wanted, { resolve, reject, onOver }).begin(dispatcher, target);
  });
}

interface End {
  resolve(gathered: Gathered): void;
  reject(error: unknown): void;
  onOver(): void;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #wanted: OutboundRequest;
  readonly #end: End;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: Record<string, string> = {};
  #controller: Dispatcher.DispatchController | undefined;
  #endedBy: Error | undefined;
  #settled = false;
  #timer: NodeJS.Timeout | undefined;
  #bodyTimer: NodeJS.Timeout | undefined;

  constructor(wanted: OutboundRequest, end: End) {
    this.#wanted = wanted;
    this.#end = end;
  }

  begin(dispatcher: Dispatcher, { origin, path }: Target): void {
    const { method, headers = {}, body = null, signal, withinMs } = this.#wanted;
    // Its place came in the very moment in which it was given up.
    if (signal.aborted) {
      this.onResponseError(undefined, signal.reason);
      return;
    }
    // Many may be under way with one signal.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (withinMs !== undefined) this.#timer = setTimeout(() => this.#stop(new AnswerTooLate(withinMs)), withinMs);
    dispatcher.dispatch({ origin, path, method, headers, body }, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It ended while the connection opened.
    if (this.#endedBy) controller.abort(this.#endedBy);
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    // An interim answer.
    if (status < 200) return;
    this.#status = status;
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined) this.#headers[name] = typeof value === 'string' ? value : value.join(', ');
    }
    const { bodyWithinMs } = this.#wanted;
    if (bodyWithinMs !== undefined) this.#bodyTimer = setTimeout(() => this.#stop(ENOUGH), bodyWithinMs);
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // It ends the connection: an endless answer ends here.
    if (this.#bytes > this.#wanted.maxBytes) this.#stop(ENOUGH);
  }

  onResponseEnd(): void {
    this.#settle(undefined);
    this.#end.onOver();
  }

  onResponseError(_: unknown, error: Error): void {
    this.#settle(this.#endedBy ?? error);
    this.#end.onOver();
  }

  readonly #onAbort = (): void => this.#stop(this.#wanted.signal.reason);

  /** Before the connection is there nobody can be told yet to end it, but whoever waits is told. */
  #stop(why: Error): void {
    if (this.#settled) return;
    this.#endedBy = why;
    this.#controller?.abort(why);
    this.#settle(why);
  }

  #settle(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#bodyTimer);
    this.#wanted.signal.removeEventListener('abort', this.#onAbort);
    if (error !== undefined && (this.#status === 0 || error instanceof AnswerTooLate)) {
      this.#end.reject(error);
      return;
    }
    const [first] = this.#chunks;
    const bytes = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#bytes);
    const { maxBytes } = this.#wanted;
    this.#end.resolve({
      status: this.#status,
      headers: this.#headers,
      bytes: bytes.subarray(0, maxBytes),
      complete: error === undefined && this.#bytes <= maxBytes,
    });
  }
}
