// The process of prober.ts: posts events one after the other, and tells its parent every answer.

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { post } from './client.ts';
import type { Probe } from './prober.ts';

const PAUSE_MS = 100;
const [url = '', fillerBytes = '0'] = process.argv.slice(2);

let stopping = false;
process.once('message', () => {
  stopping = true;
});
process.once('disconnect', () => process.exit());

const tell = (probe: Probe): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(probe, undefined, undefined, () => resolve());
  });

for (let index = 0; !stopping; index++) {
  const key = `probe-${index}`;
  // What can't be compressed needs room.
  const filler = randomBytes(Number(fillerBytes)).toString('base64');
  await tell({ key, ...(await post(url, { key, filler }).catch((error: Error) => ({ failed: String(error.cause) }))) });
  await delay(PAUSE_MS);
}
process.disconnect();
