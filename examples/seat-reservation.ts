// An event type of your own, in one file: copy it, change it, and name it in TEM_EVENT_TYPES for the API and the workers:
//
//   TEM_EVENT_TYPES=examples/seat-reservation.ts npm start
//   bin/tem send seat.reserve '{"show": "hamlet", "seat": "12A", "user": "ada"}'
//
// Send it again with another user: that event ends EXTINCT, and its user is told that the seat is taken.

import { defineEventType, NotRetryable, type Transaction, Type } from 'tem';

const Reservation = Type.Object(
  {
    show: Type.String({ minLength: 1, maxLength: 100 }),
    seat: Type.String({ pattern: '^[0-9]{1,2}[A-Z]$' }),
    user: Type.String({ minLength: 1, maxLength: 100 }),
  },
  { additionalProperties: false },
);

export const seatReserve = defineEventType({
  name: 'seat.reserve',
  payload: Reservation,
  retry: { maxAttempts: 4, base: '2s', cap: '1m' },
  timeout: '10s',

  // Everything here commits together with the mark PROCESSED, or not at all: a worker may die at any line.
  async handle({ id, payload: { show, seat, user } }, { tx, emit, log }) {
    await createTable(tx);
    const { rowCount } = await tx.query(
      'insert into example.seat (show, seat, "user", event_id) values ($1, $2, $3, $4) on conflict do nothing',
      [show, seat, user, id],
    );
    // No later attempt can change this. Any other error is tried again, at most maxAttempts times.
    if (rowCount === 0) throw new NotRetryable(`seat ${seat} of ${show} is taken`);
    await emit('notification', { user, title: `Seat ${seat} is yours`, body: `See you at ${show}.` });
    log.info({ show, seat }, 'reserved');
    return { show, seat };
  },

  // Runs once the event can't succeed any more, or when a person cancels it, before it is marked EXTINCT or CANCELLED.
  async compensate({ id, payload: { show, seat, user } }, { tx, emit, error }) {
    await createTable(tx);
    await tx.query('delete from example.seat where event_id = $1', [id]);
    await emit('notification', { user, title: `Seat ${seat} is not reserved`, body: `${show}: ${error.message}` });
  },
});

/** An application has its tables from its migrations; this example brings its own. */
async function createTable(tx: Transaction): Promise<void> {
  await tx.query(`do $$ begin
    if to_regclass('example.seat') is null then
      perform pg_advisory_xact_lock(hashtext('example.seat'));
      create schema if not exists example;
      create table if not exists example.seat (
        show text, seat text, "user" text not null, event_id uuid not null unique, primary key (show, seat));
    end if;
  end $$`);
}
