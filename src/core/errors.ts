// The failures that a handler can name or meet. Everything else that it throws is an attempt that failed and is tried again.

/** This event can never succeed: it goes to EXTINCT at once, after the type's compensation. */
export class NotRetryable extends Error {
  override readonly name = 'NotRetryable';
}

/** The other side says when to come back (HTTP 429 or 503 with Retry-After): that delay replaces the backoff. */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter';

  constructor(
    message: string,
    readonly delayMs: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What `emit` throws: the key is taken by an event of this type with another payload. */
export class KeyConflict extends Error {
  override readonly name = 'KeyConflict';
}

/**
 * Others held everything that this event needed, for too long, and it did nothing: not an attempt, it comes again. A handler
 * that has done something before must not let it out.
 */
export class NoPlace extends Error {
  override readonly name = 'NoPlace';

  constructor(
    message: string,
    /** When to come again, if that is known. */
    readonly delayMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The ledger can't be reached or refuses work for a moment. Never counts as an attempt of an event. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable';
}

/** Another transaction holds the event's row. Nothing was written; asked again when that has ended, it goes well. */
export class RowLocked extends Error {
  override readonly name = 'RowLocked';
  /** What Postgres says of a statement that didn't wait for a lock. */
  readonly code = '55P03';

  constructor(event: string) {
    super(`another transaction holds the row of event ${event}`);
  }
}

/** Somebody else has the attempt open. Not an attempt: it is asked again until that one has an outcome or is gone. */
export class HeldElsewhere extends Error {
  override readonly name = 'HeldElsewhere';

  constructor(event: string) {
    super(`an attempt of event ${event} is still open elsewhere`);
  }
}
