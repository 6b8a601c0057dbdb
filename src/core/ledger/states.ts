// The states of an event and every transition that the ledger makes. docs/event-states.md draws this list, and a test
// holds the drawing and random histories against it.

export type EventState = 'QUEUED' | 'PROCESSING' | 'PROCESSED' | 'FAILED' | 'EXTINCT' | 'CANCELLED';

export const STATES: readonly EventState[] = ['QUEUED', 'PROCESSING', 'PROCESSED', 'FAILED', 'EXTINCT', 'CANCELLED'];
export const ENDED_STATES: readonly EventState[] = ['PROCESSED', 'EXTINCT', 'CANCELLED'];
/** The same as the right side of SQL's `in`. */
export const ENDED_SQL = `('${ENDED_STATES.join("', '")}')`;

export interface Transition {
  from: EventState | null;
  to: EventState;
  /** Who makes it, and when. */
  by: string;
}

export const TRANSITIONS: readonly Transition[] = [
  { from: null, to: 'QUEUED', by: 'accepted over HTTP, SQL or emit' },
  { from: 'QUEUED', to: 'PROCESSING', by: 'an attempt begins' },
  { from: 'FAILED', to: 'PROCESSING', by: 'an attempt begins at next_retry_at, or earlier by retry-now' },
  { from: 'PROCESSING', to: 'PROCESSING', by: 'taken again after its worker was lost' },
  { from: 'PROCESSING', to: 'PROCESSED', by: 'the attempt succeeded' },
  { from: 'PROCESSING', to: 'FAILED', by: 'the attempt failed and another follows, or compensation begins' },
  {
    from: 'PROCESSING',
    to: 'QUEUED',
    by: 'handed back by a worker that stops, or because it found no place at its target',
  },
  {
    from: 'PROCESSING',
    to: 'EXTINCT',
    by: 'the last attempt failed, or the error is not retryable, without compensation; its worker was lost and no live one knew its type',
  },
  { from: 'PROCESSING', to: 'CANCELLED', by: 'cancelled while its attempt ran, without compensation' },
  {
    from: 'FAILED',
    to: 'EXTINCT',
    by: 'compensation ended, a batch member without attempts left got its own workflow, or no live worker knew its type',
  },
  { from: 'FAILED', to: 'CANCELLED', by: 'cancelled while it waited, after its compensation' },
  { from: 'QUEUED', to: 'FAILED', by: 'cancelled after a worker handed it back: its compensation comes next' },
  { from: 'QUEUED', to: 'CANCELLED', by: 'cancelled before its first attempt' },
  {
    from: 'QUEUED',
    to: 'EXTINCT',
    by: 'the schema refuses its payload, no live worker knew its type for too long, or a redrive was undone',
  },
  { from: 'EXTINCT', to: 'QUEUED', by: 'revived by a person, alone or in a redrive' },
];
