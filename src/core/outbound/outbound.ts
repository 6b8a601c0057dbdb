// What an outbound call is and how it fails: the interface that features are written against.

/** The address may not be called; not retryable. The message names the rule and never the resolver's inside. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
}

/** The whole answer was not there in time (`withinMs`). */
export class AnswerTooLate extends Error {
  override readonly name = 'AnswerTooLate';

  constructor(withinMs: number) {
    super(`no whole answer within ${withinMs} ms`);
  }
}

/** For requests that no attempt makes. */
export const onTheClock = <Result>(wait: () => Promise<Result>): Promise<Result> => wait();

export interface OutboundRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  headers?: Record<string, string>;
  body?: string;
  signal: AbortSignal;
  /**
   * How the request waits for a place that others hold: a handler gives what its context holds, so that the wait is not
   * the attempt's own time; `onTheClock` where no attempt runs.
   */
  offTheClock<Result>(wait: () => Promise<Result>): Promise<Result>;
  /** Bytes of the answer's body that are read at most, and decoded at most; the rest is dropped. */
  maxBytes: number;
  /** How long the body may take after the headers; as long as the signal lets it unless given. */
  bodyWithinMs?: number;
  /** How long the whole answer may take, from when the request has its place: then AnswerTooLate, whatever has come. */
  withinMs?: number;
}

export interface OutboundResponse {
  status: number;
  headers: Record<string, string>;
  /** Decoded when the target has compressed it; empty for a coding that isn't known. */
  bytes: Buffer;
  /** The bytes as UTF-8; who knows another charset decodes them. */
  readonly body: string;
  /** False when the body is cut: it was longer than `maxBytes`, broke off, took too long or the signal aborted. */
  complete: boolean;
}

export interface Outbound {
  /** Why a URL can't be called at all, judged without DNS (scheme, literal address), or undefined. */
  refuse(url: string): string | undefined;
  /**
   * Redirects are not followed: the caller gets the 3xx. Throws TargetRefused, NoPlace, AnswerTooLate, the signal's reason
   * or the network's error, the last two never once the status has come: then the answer holds what came of the body.
   */
  request(url: string, request: OutboundRequest): Promise<OutboundResponse>;
  close(): Promise<void>;
}
