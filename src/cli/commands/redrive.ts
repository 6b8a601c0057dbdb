// `tem events redrive`: tries again what a filter finds, at a rate, and shows how it goes until it is done.

import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { createApiClient } from '../api-client.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { stopSignal } from '../stopping.ts';

interface Options {
  state?: string;
  type?: string;
  group?: string;
  key?: string;
  q?: string;
  payload?: string[];
  fingerprint?: string;
  from?: string;
  to?: string;
  limit?: string;
  rate?: string;
  canary?: string;
  dryRun?: boolean;
  json?: boolean;
}

interface JobAnswer {
  id: string;
  state: string;
  matches: number;
  done: number;
  processed: number;
  failed: number;
  skipped: number;
  reason: string | null;
}

const LOOK_EVERY_MS = 1_000;
const RATE_DEFAULT = '10';
const CANARY = /^(\d+)\/(\d+(?:\.\d+)?)%?$/;

export function addRedrive(events: Command): void {
  events
    .command('redrive')
    .description('try again what a filter finds, at a rate; EXTINCT events unless --state says FAILED')
    .option('--state <states>', 'EXTINCT, FAILED or both with a comma')
    .option('--type <type>')
    .option('--group <group>')
    .option('--key <key>')
    .option('--q <text>', 'part of a key, an id, an error or a payload')
    .option('--payload <path:value...>', 'a value in the payload, such as order.id:123; all of them must hold')
    .option('--fingerprint <fingerprint>', 'of a group of /v1/failures')
    .option('--from <time>', 'created at this time or later')
    .option('--to <time>', 'created before this time')
    .option('--limit <count>', 'at most so many, the newest')
    .option('--rate <per second>', 'how many begin a second', RATE_DEFAULT)
    .option('--canary <count/percent>', 'first so many; the rest only unless more than so many % fail again, as 20/10%')
    .option('--dry-run', 'only say how many match')
    .option('--json', 'print the redrive, one JSON object a change')
    .addHelpText(
      'after',
      examples([
        'tem events redrive --type webhook --dry-run',
        'tem events redrive --type webhook --rate 20 --canary 20/10%',
        'tem events redrive --fingerprint 9f86d081884c7d65 --from 2026-01-31T00:00:00Z --json',
      ]),
    )
    .action(redrive);
}

async function redrive({ json, rate = RATE_DEFAULT, canary, dryRun, limit, ...filter }: Options): Promise<void> {
  const api = createApiClient(readConfig(process.env));
  const body = {
    filter,
    ratePerSecond: numberOf('--rate', rate),
    ...(limit !== undefined && { limit: numberOf('--limit', limit) }),
    ...(canary !== undefined && { canary: canaryOf(canary) }),
    ...(dryRun && { dryRun }),
  };
  const { body: answer } = await api.request('POST', '/v1/events/redrive', JSON.stringify(body));
  if (dryRun) {
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${answer.matches} events match\n`);
    return;
  }
  const signal = stopSignal();
  const { id } = answer as unknown as JobAnswer;
  let seen = '';
  let job = answer as unknown as JobAnswer;
  for (;;) {
    const line = json ? JSON.stringify(job) : lineOf(job);
    if (lineOf(job) !== seen) process.stdout.write(`${line}\n`);
    seen = lineOf(job);
    if (job.state !== 'running' && job.state !== 'paused') break;
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted)
      throw new CommandError(
        EXIT.interrupted,
        `stopped watching; redrive ${id} goes on: POST /v1/redrives/${id}/pause`,
      );
    job = (await api.request('GET', `/v1/redrives/${id}`)).body as unknown as JobAnswer;
  }
  if (job.state === 'stopped') throw new CommandError(EXIT.failed, `redrive ${id} was stopped: ${job.reason}`, job);
  if (job.failed > 0) throw new CommandError(EXIT.failed, `${job.failed} of ${job.matches} failed again`, job);
}

function lineOf({ id, state, matches, done, processed, failed, skipped }: JobAnswer): string {
  return `redrive ${id}  ${state}  ${done} of ${matches}  processed ${processed}  failed ${failed}  skipped ${skipped}`;
}

function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new CommandError(EXIT.usage, `${option} must be a number, not ${JSON.stringify(text)}`);
  return value;
}

function canaryOf(text: string): { count: number; maxFailedPercent: number } {
  const [, count, percent] = CANARY.exec(text) ?? [];
  if (count === undefined) throw new CommandError(EXIT.usage, '--canary must be count/percent, such as 20/10%');
  return { count: Number(count), maxFailedPercent: Number(percent) };
}
