// A process under watchEventLoop that blocks its event loop: arguments are the limit and how long it blocks, in ms.

import { pino } from 'pino';
import { watchEventLoop } from '../../src/cli/event-loop-watch.ts';

const [limitMs = 0, blockMs = 0] = process.argv.slice(2).map(Number);

function standStill(): void {
  for (const until = performance.now() + blockMs; performance.now() < until /* nothing else may run */; );
}

watchEventLoop('blocked', limitMs, pino()).started();
process.on('SIGUSR2', standStill);
process.on('SIGTERM', () => process.exit(0));
// Keeps the process alive.
setInterval(() => {}, 60_000);
process.send?.({ ready: true });
