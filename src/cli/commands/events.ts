// `tem events`: lists, shows, watches, retries, redrives and cancels events through the API.

import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { ENDED_STATES } from '../../core/ledger/states.ts';
import { type ApiClient, createApiClient } from '../api-client.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT, EXIT_HELP } from '../exit-codes.ts';
import { stopSignal } from '../stopping.ts';
import { describeEvent, type EventAnswer, eventLine, transitionLine } from './event-text.ts';
import { addRedrive } from './redrive.ts';

interface ListOptions {
  state?: string;
  type?: string;
  group?: string;
  key?: string;
  q?: string;
  limit?: string;
  cursor?: string;
  json?: boolean;
}

const WATCH_EVERY_MS = 500;
const WATCH_NEWEST = 200;

export function addEvents(program: Command): void {
  const events = program
    .command('events')
    .description('list, show, watch, retry, redrive and cancel events')
    .addHelpText(
      'after',
      examples([
        'tem events',
        'tem events list --state EXTINCT --type webhook',
        'tem events watch',
        'tem events retry 01890a5d-ac96-774b-bcce-b302099a8057',
      ]) + EXIT_HELP,
    );
  events
    .command('list', { isDefault: true })
    .description('the newest events')
    .option('--state <states>', 'QUEUED, PROCESSING, PROCESSED, FAILED, EXTINCT or CANCELLED; several with commas')
    .option('--type <type>')
    .option('--group <group>')
    .option('--key <key>')
    .option('--q <text>', 'part of a key, an id, an error or a payload')
    .option('--limit <1-1000>')
    .option('--cursor <cursor>', 'the next page, as the page before said')
    .option('--json', 'print {"events": [...], "nextCursor": ...}')
    .addHelpText(
      'after',
      examples([
        'tem events',
        'tem events list --state EXTINCT --type webhook --limit 10',
        `tem events list --json | jq -r '.events[].id'`,
      ]),
    )
    .action(list);
  events
    .command('show <id>')
    .description('one event with its history')
    .option('--json', 'print the event with its transitions')
    .addHelpText('after', examples(['tem events show 01890a5d-ac96-774b-bcce-b302099a8057']))
    .action(show);
  events
    .command('watch [id]')
    .description(
      `changes of state as they happen: of one event until it ends (exit 1 unless PROCESSED), or of the newest ${WATCH_NEWEST}`,
    )
    .option('--json', 'print one JSON object a change')
    .addHelpText('after', examples(['tem events watch', 'tem events watch 01890a5d-ac96-774b-bcce-b302099a8057']))
    .action((id: string | undefined, options: { json?: boolean }) =>
      id === undefined ? watchAll(options) : watchOne(id, options),
    );
  for (const [verb, description] of [
    ['retry', 'try a FAILED event now, or revive an EXTINCT one'],
    ['cancel', 'cancel an event that has not ended'],
  ] as const) {
    events
      .command(`${verb} <id...>`)
      .description(description)
      .option('--json', 'print one JSON object an event')
      .addHelpText('after', examples([`tem events ${verb} 01890a5d-ac96-774b-bcce-b302099a8057`]))
      .action((ids: string[], options: { json?: boolean }) => change(verb, ids, options));
  }
  addRedrive(events);
}

function client(): ApiClient {
  return createApiClient(readConfig(process.env));
}

function print(json: boolean | undefined, value: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`);
}

async function list({ json, ...filter }: ListOptions): Promise<void> {
  const { body } = await client().request('GET', `/v1/events?${new URLSearchParams(filter as Record<string, string>)}`);
  const { events, nextCursor } = body as { events: EventAnswer[]; nextCursor: string | null };
  const lines = events.map(eventLine);
  if (nextCursor !== null) lines.push(`more: --cursor ${nextCursor}`);
  print(json, body, lines.join('\n') || 'no events');
}

async function show(id: string, { json }: { json?: boolean }): Promise<void> {
  const api = client();
  const { body: event } = await api.request('GET', eventPath(id));
  const { body: history } = await api.request('GET', `${eventPath(id)}/history`);
  const transitions = history.transitions as Parameters<typeof transitionLine>[0][];
  const text = [describeEvent(event as unknown as EventAnswer), '', ...transitions.map(transitionLine)].join('\n');
  print(json, { ...event, transitions }, text);
}

async function change(verb: 'retry' | 'cancel', ids: string[], { json }: { json?: boolean }): Promise<void> {
  const api = client();
  const refusals: string[] = [];
  for (const id of ids) {
    try {
      const { body } = await api.request('POST', `${eventPath(id)}/${verb}`);
      print(json, body, eventLine(body as unknown as EventAnswer));
    } catch (error) {
      // The others are still done, and the exit code says that not all were.
      if (!(error instanceof CommandError) || error.exitCode !== EXIT.refused) throw error;
      refusals.push(`${id}: ${error.message}`);
    }
  }
  if (refusals.length > 0) throw new CommandError(EXIT.refused, refusals.join('\n'));
}

async function watchOne(id: string, { json }: { json?: boolean }): Promise<void> {
  const api = client();
  const signal = stopSignal();
  let seen = '';
  while (!signal.aborted) {
    const { body } = await api.request('GET', eventPath(id));
    const event = body as unknown as EventAnswer;
    const now = `${event.state} ${event.updatedAt}`;
    if (now !== seen) print(json, event, eventLine(event));
    seen = now;
    if (event.state === 'PROCESSED') return;
    if (ENDED_STATES.includes(event.state))
      throw new CommandError(EXIT.failed, `${id} ended ${event.state}${event.lastError ? `: ${event.lastError}` : ''}`);
    await delay(WATCH_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  throw new CommandError(EXIT.interrupted, `stopped watching; ${id} has not ended`);
}

async function watchAll({ json }: { json?: boolean }): Promise<void> {
  const api = client();
  const signal = stopSignal();
  let seen: Map<string, string> | undefined;
  while (!signal.aborted) {
    const { body } = await api.request('GET', `/v1/events?limit=${WATCH_NEWEST}`);
    const { events } = body as { events: EventAnswer[] };
    const now = new Map(events.map((event) => [event.id, `${event.state} ${event.updatedAt}`]));
    // What was there at the first look is not a change.
    const changed = events.filter((event) => seen && seen.get(event.id) !== now.get(event.id));
    for (const event of changed.reverse()) print(json, event, eventLine(event));
    seen = now;
    await delay(WATCH_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

function eventPath(id: string): string {
  return `/v1/events/${encodeURIComponent(id)}`;
}
