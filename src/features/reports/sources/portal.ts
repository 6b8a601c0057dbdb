// The rows of a cursor that was declared, straight from the connection. A cursor is a portal, which the protocol's Execute
// runs without FETCH's copy of every row; and rows are taken before the driver makes objects and strings of them, because
// that costs more than everything else that a report does.

import type { Socket } from 'node:net';
import type pg from 'pg';
import type { Rows } from './rows.ts';
import { QueryFailed } from './source.ts';

/** What waits to be written to the file; the source stands still beyond it. */
const WAITING_BYTES_MAX = 512 * 1024;
/** One row is in memory as a whole, and so is what is written of it. */
const ROW_BYTES_MAX = 16 * 1024 * 1024;
const HEADER_BYTES = 5;
const DATA_ROW = 'D'.charCodeAt(0);

interface Connection {
  stream: Socket;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: { portal: string; rows: number }): void;
  sync(): void;
}

/** The columns that the portal will give. */
export async function describePortal(client: pg.Client, portal: string): Promise<pg.FieldDef[]> {
  let fields: pg.FieldDef[] = [];
  await submitted(client, {
    submit: (connection) => connection.describe({ type: 'P', name: portal }),
    onFields: (found) => {
      fields = found;
    },
  });
  return fields;
}

/** At most so many rows of it, in batches as they arrive. */
export async function* readPortal(
  client: pg.Client,
  portal: string,
  { columns, rowsMax }: { columns: number; rowsMax: number },
): AsyncGenerator<Rows> {
  const { stream } = (client as unknown as { connection: Connection }).connection;
  const waiting: Rows[] = [];
  let waitingBytes = 0;
  let wake = () => {};
  let isOver = false;
  let failure: unknown;
  const over = (error?: unknown) => {
    isOver = true;
    failure ??= error;
    wake();
  };
  const restore = takeRows(stream, columns, (rows) => {
    waiting.push(rows);
    waitingBytes += rows.bytes.length;
    if (waitingBytes > WAITING_BYTES_MAX) stream.pause();
    wake();
  });
  const onClose = () => over(stream.errored ?? new Error('Connection terminated'));
  stream.once('close', onClose);
  const ended = submitted(client, { submit: (connection) => connection.execute({ portal, rows: rowsMax }) });
  ended.then(
    () => over(),
    (error) => over(stream.errored ?? error),
  );
  try {
    for (;;) {
      const rows = waiting.shift();
      if (rows) {
        waitingBytes -= rows.bytes.length;
        if (waitingBytes <= WAITING_BYTES_MAX) stream.resume();
        yield rows;
      } else if (isOver) {
        if (failure !== undefined) throw failure;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    stream.off('close', onClose);
    // One that isn't read to its end goes with its connection.
    if (isOver) restore();
    else stream.destroy();
  }
}

/** One turn of the protocol, up to its Sync. */
function submitted(
  client: pg.Client,
  { submit, onFields }: { submit: (connection: Connection) => void; onFields?: (fields: pg.FieldDef[]) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = {
      submit(connection: unknown) {
        submit(connection as Connection);
        (connection as Connection).sync();
      },
      handleRowDescription: ({ fields }: { fields: pg.FieldDef[] }) => onFields?.(fields),
      handleCommandComplete: () => {},
      handlePortalSuspended: () => {},
      handleError: reject,
      handleReadyForQuery: () => resolve(),
    };
    client.query(query as unknown as pg.Submittable);
  });
}

/** Takes DataRow messages off the connection and leaves the driver all others; returns what gives it everything again. */
function takeRows(stream: Connection['stream'], columns: number, onRows: (rows: Rows) => void): () => void {
  const drivers = stream.listeners('data') as ((bytes: Buffer) => void)[];
  const give = (bytes: Buffer) => {
    for (const listener of drivers) listener.call(stream, bytes);
  };
  /** What has come of a message that hasn't come whole. */
  let parts: Buffer[] = [];
  let partsBytes = 0;
  let needed = HEADER_BYTES;
  const onData = (chunk: Buffer) => {
    parts.push(chunk);
    partsBytes += chunk.length;
    if (partsBytes < needed) return;
    const bytes = parts.length === 1 ? chunk : Buffer.concat(parts);
    const split = splitMessages(bytes, columns);
    const rest = bytes.subarray(split.end);
    parts = rest.length === 0 ? [] : [rest];
    partsBytes = rest.length;
    needed = rest.length < HEADER_BYTES ? HEADER_BYTES : 1 + rest.readInt32BE(1);
    if (needed > ROW_BYTES_MAX) {
      stream.destroy(new QueryFailed(`a row has more than ${ROW_BYTES_MAX} bytes: take less of its values`, false));
    }
    if (split.rows.count > 0) onRows(split.rows);
    for (const message of split.others) give(message);
  };
  for (const listener of drivers) stream.off('data', listener);
  stream.on('data', onData);
  return () => {
    stream.off('data', onData);
    for (const listener of drivers) stream.on('data', listener);
    if (partsBytes > 0) give(Buffer.concat(parts));
  };
}

/** The whole messages in `bytes`, and where they end. */
function splitMessages(bytes: Buffer, columns: number): { rows: Rows; others: Buffer[]; end: number } {
  // A row is its type, its length, its number of values, and each value's length.
  const rowsMax = Math.ceil(bytes.length / (HEADER_BYTES + 2 + 4 * columns));
  const places = new Int32Array(2 * columns * rowsMax);
  const others: Buffer[] = [];
  let count = 0;
  let place = 0;
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.length) break;
    if (bytes[at] === DATA_ROW) {
      let value = at + HEADER_BYTES + 2;
      for (let column = 0; column < columns; column++) {
        const length =
          ((bytes[value] as number) << 24) |
          ((bytes[value + 1] as number) << 16) |
          ((bytes[value + 2] as number) << 8) |
          (bytes[value + 3] as number);
        value += 4;
        places[place++] = length < 0 ? -1 : value;
        if (length > 0) value += length;
        places[place++] = value;
      }
      count++;
    } else {
      others.push(bytes.subarray(at, end));
    }
    at = end;
  }
  return { rows: { count, columns, bytes, places: places.subarray(0, place) }, others, end: at };
}
