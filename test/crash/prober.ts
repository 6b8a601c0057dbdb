// A client in a process of its own that sends one event at a time and nothing else: what it measures is the API's time
// to answer, not the event loop of a test that watches, sends and waits meanwhile.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { waitFor } from '../support/wait.ts';
import type { Answer } from './client.ts';
import { PATIENCE_MS } from './setup.ts';

const PROBING = fileURLToPath(new URL('./probing.ts', import.meta.url));
const ANSWERED_WITHIN_MS = 2_000;

/** `failed` when there was no answer at all. */
export type Probe = { key: string } & (Answer | { failed: string });

export interface Prober {
  /** The refusals so far. */
  refused(): Probe[];
  /** Ends it; resolves to the ids that were answered by 202, and the keys of all that it sent. */
  stop(): Promise<{ ids: string[]; keys: string[] }>;
}

/** Sends events with `fillerBytes` random bytes each, the next one when the last is answered; resolves when the first is. */
export async function startProber(url: string, fillerBytes = 0): Promise<Prober> {
  const child = fork(PROBING, [url, String(fillerBytes)], { execArgv: ['--import', 'tsx'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const probes: Probe[] = [];
  child.on('message', (probe) => probes.push(probe as Probe));
  const exited = new Promise((resolve) => child.once('close', resolve));
  const refused = () => probes.filter((probe) => !('status' in probe) || probe.status >= 300);
  await waitFor(() => probes.length > 0, PATIENCE_MS);
  return {
    refused,
    async stop() {
      child.send('stop');
      await exited;
      return {
        ids: probes.flatMap((probe) => ('status' in probe && probe.status < 300 ? [probe.body.id as string] : [])),
        keys: probes.map((probe) => probe.key),
      };
    },
  };
}

/** Every refusal is a 503 in the contract's words, with Retry-After. */
export function expectUnavailable(refused: readonly (Answer | Probe)[]): void {
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'ledger_unavailable' } });
    expect((answer as Answer).type).toContain('application/problem+json');
    expect(Number((answer as Answer).retryAfter)).toBeGreaterThan(0);
  }
}

/** And to one who asks alone each comes within 2 s. */
export function expectQuicklyUnavailable(refused: readonly Probe[]): void {
  expectUnavailable(refused);
  expect(refused.length).toBeGreaterThan(0);
  const slow = refused.filter((probe) => !('tookMs' in probe) || probe.tookMs > ANSWERED_WITHIN_MS);
  expect(slow).toEqual([]);
}
