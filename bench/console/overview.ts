// What an open overview costs the database: processor time of Postgres with so many streams open, beside none.

import { setTimeout as delay } from 'node:timers/promises';
import { ADMIN_KEY, type Tem } from '../tem.ts';

/** Percent of one processor that Postgres takes while `streams` overviews are open. */
export async function postgresPercent(tem: Tem, streams: number, seconds: number): Promise<number> {
  const stop = new AbortController();
  const samples = await Promise.all(Array.from({ length: streams }, () => follow(tem.apiUrl, stop.signal)));
  const before = tem.processor().postgres ?? 0;
  await delay(seconds * 1_000);
  const spent = (tem.processor().postgres ?? 0) - before;
  stop.abort();
  if (samples.some((count) => count() === 0)) throw new Error('an overview has seen no sample');
  return spent / (seconds * 10);
}

/** Opens a stream; resolves, when its first sample is there, to how many have come. */
async function follow(apiUrl: string, signal: AbortSignal): Promise<() => number> {
  const answer = await fetch(`${apiUrl}/console/live`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    signal,
  });
  if (!answer.ok || !answer.body) throw new Error(`/console/live answered ${answer.status}`);
  let count = 0;
  const decoder = new TextDecoder();
  await new Promise<void>((resolve) => {
    void (async () => {
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        count += decoder.decode(chunk).includes('data:') ? 1 : 0;
        if (count > 0) resolve();
      }
    })().catch(() => {
      // Ended by the signal, or by the server, which ends streams after a while.
    });
  });
  return () => count;
}
