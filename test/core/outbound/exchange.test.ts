// The time that a whole answer has, on real sockets.

import { expect, test } from 'vitest';
import { AnswerTooLate, onTheClock } from '../../../src/core/outbound/index.ts';
import { waitFor } from '../../support/wait.ts';
import { listen, SIGNAL_MS, setup } from './targets.ts';

test.each(['the headers', 'the whole body'])('ends when %s take too long, whatever has come', async (what) => {
  let closed = false;
  const target = await listen((_request, response) => {
    response.on('close', () => {
      closed = true;
    });
    if (what === 'the whole body') response.writeHead(200, { 'content-length': '100' }).write('a');
  });
  const call = setup({ allow: ['127.0.0.1'] }).request(`http://127.0.0.1:${target.port}/`, {
    method: 'GET',
    signal: AbortSignal.timeout(SIGNAL_MS),
    offTheClock: onTheClock,
    maxBytes: 1_000,
    withinMs: 100,
  });
  await expect(call).rejects.toBeInstanceOf(AnswerTooLate);
  await waitFor(() => closed);
});
