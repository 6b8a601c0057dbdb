// Takes interim answers (1xx) that nobody asked for out of what a connection brings: RFC 9110 15.2 has a client skip them,
// and undici ends the connection at a 100. A 101 stays: it changes the protocol, which nobody asked for either.

import type { Socket } from 'node:net';

// A head that is longer is no interim answer to wait for: undici has its own bound.
const HEAD_BYTES_MAX = 16_384;
const INTERIM = /^HTTP\/1\.[01] 1(?!01)\d\d[ \r\n]/;
const INTERIM_BYTES = 'HTTP/1.1 100 '.length;
// Where the status begins, and with which digit an interim one does.
const STATUS_AT = 'HTTP/1.1 '.length;
const DIGIT_ONE = 0x31;
const HEAD_END = /\r?\n\r?\n/;

/** Changes what `read` gives on a connection that carries one request at a time, each written before its answer is read. */
export function skipInterimAnswers(socket: Socket): void {
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  const read = socket.read.bind(socket);
  let atHead = true;
  let held: Buffer = Buffer.alloc(0);
  socket.write = (...given: unknown[]): boolean => {
    atHead = true;
    return write(...given);
  };
  socket.read = (size?: number): Buffer | null => {
    for (;;) {
      const chunk = read(size) as Buffer | null;
      if (chunk === null || !atHead) return chunk;
      if (held.length === 0 && chunk.length >= INTERIM_BYTES && chunk[STATUS_AT] !== DIGIT_ONE) {
        atHead = false;
        return chunk;
      }
      const rest = afterInterim(Buffer.concat([held, chunk]));
      atHead = rest.undecided;
      held = rest.undecided ? rest.bytes : Buffer.alloc(0);
      if (!rest.undecided) return rest.bytes;
    }
  };
}

/** What follows the interim answers; undecided while it may be the beginning of a further one. */
function afterInterim(bytes: Buffer): { bytes: Buffer; undecided: boolean } {
  let rest = bytes;
  for (;;) {
    const head = rest.subarray(0, HEAD_BYTES_MAX).toString('latin1');
    if (head.length < INTERIM_BYTES) return { bytes: rest, undecided: INTERIM.test(completed(head)) };
    if (!INTERIM.test(head)) return { bytes: rest, undecided: false };
    const end = HEAD_END.exec(head);
    if (end === null) return { bytes: rest, undecided: rest.length < HEAD_BYTES_MAX };
    rest = rest.subarray(end.index + end[0].length);
  }
}

/** A shorter beginning as it would go on if it were one. */
function completed(head: string): string {
  return head + 'HTTP/1.1 100 '.slice(head.length);
}
