// An answer that is known before the whole body has come, such as 413. Closing a connection with unread bytes resets it,
// and a client that writes everything before it reads then loses the answer: what comes is read on and thrown away first,
// within bounds; whoever still writes after that has its connection closed.

import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

const THROWN_AWAY_BYTES_MAX = 16 * 1_024 * 1_024;
const THROWN_AWAY_WITHIN_MS = 5_000;

export function readOnBeforeAnswers(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    const body = request.raw;
    if (body.complete !== false || body.destroyed) return void done();
    throwAway(body, () => {
      if (!body.complete) void reply.header('connection', 'close');
      done();
    });
  });
}

/** Calls back once, at the body's end or at a bound. */
function throwAway(body: IncomingMessage, done: () => void): void {
  let bytes = 0;
  const end = (): void => {
    clearTimeout(timer);
    body.off('data', count).off('end', end).off('close', end);
    done();
  };
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > THROWN_AWAY_BYTES_MAX) end();
  };
  const timer = setTimeout(end, THROWN_AWAY_WITHIN_MS);
  // The client is gone: there is nobody to tell.
  body.once('error', () => {});
  body.on('data', count).once('end', end).once('close', end).resume();
}
